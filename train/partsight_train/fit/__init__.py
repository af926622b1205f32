"""Training of a model (head, fine-tuning, calibration), its operating point and its metrics."""
