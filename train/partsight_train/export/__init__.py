"""Conversion of an approved float model to a file that gives the same labels within limits.

``assemble`` joins backbone and head. ``variant.make_variant`` converts, chooses the operating
point, compares the file with the float model (``gate``) and stores golden samples (``golden``).
``deliver`` does so for a run, ``export`` for a finished run. ``finished_run`` loads the
float model and its images from a run folder.
"""
