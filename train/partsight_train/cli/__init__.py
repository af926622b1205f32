"""The subcommands that a workstation has, a module each: parse here, work elsewhere.

Registered in ``pyproject.toml`` under the entry point group ``partsight.commands``.
Modules import TensorFlow only inside the function that needs it.
"""
