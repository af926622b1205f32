"""Measures the speed of models on this device and recommends a runtime."""
