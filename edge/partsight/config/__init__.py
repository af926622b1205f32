"""The device's configuration: ``partsight.toml``. A section is a module here and a field of Config.

Imported only where there is such a file, or a line to run: pydantic takes a tenth of a second.
"""

from __future__ import annotations

from partsight.config.document import Config
from partsight.config.file import apply_config, read_config, save_choice
from partsight.config.model import ModelConfig
from partsight.config.source import SourceConfig

__all__ = ["Config", "ModelConfig", "SourceConfig", "apply_config", "read_config", "save_choice"]
