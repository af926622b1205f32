"""From labelled folders to training data: scan, split, features, augmentation."""
