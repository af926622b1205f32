"""The search for better settings of the head, with Optuna.

``space`` defines the search space, ``search_data`` computes features once, ``scoring`` scores
settings on them, ``study`` runs and resumes the search, ``result`` describes what it found.
Called by ``partsight tune``.
"""
