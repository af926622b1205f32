"""Image files on disk: which files belong to a set, in which layout, and reading them."""
