"""Metrics of a classifier with confidence intervals, for labels and for verdicts."""
