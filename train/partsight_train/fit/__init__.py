"""Training of a model: head, fine-tuning, calibration, operating point."""
