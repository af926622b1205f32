"""The device's configuration, ``partsight.toml``: one module per section."""
