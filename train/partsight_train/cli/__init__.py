"""Subcommands of a workstation: each module parses options and calls other packages.

``pyproject.toml`` registers them in the entry point group ``partsight.commands``. Modules import
TensorFlow only inside the function that needs it.
"""
