"""Conversion of a TensorFlow function to a TFLite flatbuffer."""
