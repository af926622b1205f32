"""Image files on disk: finding them in folders, layouts of labelled sets, and reading."""
