"""The line: ``run`` opens everything, ``loop`` inspects, ``housekeeping`` runs in between."""
