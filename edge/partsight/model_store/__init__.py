"""Models of a device: stored by SHA-256, qualified before activation, swapped while it runs."""
