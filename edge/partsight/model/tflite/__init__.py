"""Reads the flatbuffer and the standard metadata of a .tflite file without a runtime."""
