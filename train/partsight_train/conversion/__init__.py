"""A TensorFlow function as a TFLite flatbuffer."""
