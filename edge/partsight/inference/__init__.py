"""Run a model: TFLite runtimes, interpreter, input encoding, dequantization, classifier."""
