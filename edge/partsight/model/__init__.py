"""A delivered model: what its file says of itself, and whether it may be run on this machine.

``file`` reads it and proves it whole; ``contract`` is what it says, ``foreign`` what stands for a
contract in models of other tools, ``tflite`` what can be read of a flatbuffer without running it.
``trust`` asks who signed it (``signature``) and whether the runtime survives it (``trial``),
``golden`` whether it decides as it did where it was exported; ``passed`` remembers.
"""
