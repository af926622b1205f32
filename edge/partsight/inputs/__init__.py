"""What a run over pictures is pointed at: files, folders, globs, lists, archives and videos.

A new kind of input is a module here and a line in ``open.py``.
"""
