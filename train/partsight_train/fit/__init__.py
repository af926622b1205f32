"""From training data to a trained model: head, fine-tuning, calibration, operating point."""
