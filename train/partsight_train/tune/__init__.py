"""The search for better settings of the head, with Optuna.

``space`` says what is searched, ``bench`` scores settings fast on cached features,
``study`` runs and resumes, ``result`` tells. Called by ``partsight tune``.
"""
