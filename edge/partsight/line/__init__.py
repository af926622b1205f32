"""The line: ``run`` opens everything, ``loop`` inspects, ``housekeeping`` acts in between."""
