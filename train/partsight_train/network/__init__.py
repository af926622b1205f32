"""Parts of the network graph: tiles, test-time augmentation, activation maps."""
