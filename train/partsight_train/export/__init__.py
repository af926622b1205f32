"""Conversion of an approved float model to a file that gives the same decisions.

``assemble`` joins backbone and head. ``variant.make_variant`` converts, chooses the operating
point, compares the file with the float model (``gate``) and stores golden samples (``golden``).
``finished_run`` loads the float model and its images from a run folder.
"""
