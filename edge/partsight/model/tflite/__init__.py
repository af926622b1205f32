"""What a .tflite says without being run: its flatbuffer, and its standard metadata."""
