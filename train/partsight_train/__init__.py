"""partsight on the workstation: from labelled images to a checked ``.tflite`` file.

Needs the extra ``train``. Imports ``partsight`` for preprocessing, metrics and the model
file; ``partsight`` never imports ``partsight_train``.
"""
