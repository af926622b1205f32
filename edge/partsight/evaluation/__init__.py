"""Figures of a classifier: from scored pictures (``evaluate``) to measures, what they mean for good
and bad parts, and how far they may be off. Pure NumPy, but for ``evaluate``.
"""
