"""Training data from labelled folders: scan, splits, features, augmentation."""
