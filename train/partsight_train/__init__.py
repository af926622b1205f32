"""partsight on the workstation: labelled images in, a checked ``.tflite`` out.

Needs the extra ``train``. Imports ``partsight`` for preprocessing, metrics and the model
file; ``partsight`` never imports this.
"""
