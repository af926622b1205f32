"""Measure on this device how fast models run, and recommend a runtime."""
