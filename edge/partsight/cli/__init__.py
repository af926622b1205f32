"""The command line: ``main``, ``console``, and one module per command in ``commands``."""
