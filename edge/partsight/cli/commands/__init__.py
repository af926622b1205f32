"""Subcommands of a device: each module parses options and calls other packages.

Modules import other packages inside the function that needs them, so ``--help`` and ``doctor``
need only click.
"""
