"""A picture on its way to the network: from a file's bytes (``file``, ``limits``, ``decode``) to
what the network sees (``preprocess``, by a ``spec``), and back to a file (``encode``).
"""
