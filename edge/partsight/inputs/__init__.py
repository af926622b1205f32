"""Inputs of a batch run: files, folders, patterns, lists, archives and videos.

A new kind of input is one module here and one line in ``open.py``.
"""
