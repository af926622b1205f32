"""The subcommands that a device has, a module each: parse here, work elsewhere.

Modules import what works inside the function that needs it, so that ``--help`` and
``doctor`` need nothing but click.
"""
