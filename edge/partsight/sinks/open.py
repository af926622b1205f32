"""From a section ``[[sinks]]`` of the configuration to the sink of a line.

Enters: the section. Leaves: a ``LineSink`` that is yet to be entered. Feeders call it; what a kind
needs is imported only when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from partsight.sinks.base import LineSink

if TYPE_CHECKING:
    from partsight.config.sinks import SinkConfig

__all__ = ["open_line_sink"]

# Each has ``open_sink(config)``.
_MODULES = {
    "csv": "partsight.sinks.rotating",
    "jsonl": "partsight.sinks.rotating",
    "modbus": "partsight.sinks.modbus",
    "mqtt": "partsight.sinks.mqtt",
    "stdout": "partsight.sinks.stdout",
    "webhook": "partsight.sinks.webhook",
}


def open_line_sink(config: SinkConfig) -> LineSink:
    """The sink that a section describes.

    Raises:
        EnvironmentFault: a package that it needs is not installed.
    """
    sink: LineSink = importlib.import_module(_MODULES[config.kind]).open_sink(config)
    return sink
