"""Makes the sinks of a line and their delivery workers from the sections ``[[sinks]]``.

The packages of a kind of sink are imported only if it is configured.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

from partsight.journal.write import Journal
from partsight.sinks.base import LineSink
from partsight.sinks.delivery_worker import DeliveryWorker
from partsight.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from partsight.config.sinks import SinkConfig

__all__ = ["workers", "load_sink_module", "open_line_sink"]

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
    """Make the sink of a section; it is not entered yet.

    Raises:
        EnvironmentFault: a package that it needs is not installed.
    """
    sink: LineSink = load_sink_module(config.kind).open_sink(config)
    return sink


def load_sink_module(kind: str) -> ModuleType:
    """Import the module of a kind of sink.

    Raises:
        EnvironmentFault: a package that it needs is not installed.
    """
    return importlib.import_module(_MODULES[kind])


def workers(
    sinks: Iterable[SinkConfig], journal: Journal, telemetry: Telemetry
) -> list[DeliveryWorker]:
    """Make a worker for each section, not started yet; its position in the journal is fixed.

    Raises:
        JournalError: the journal cannot be read.
        OutputError: a cursor cannot be created.
    """
    from partsight.config.sinks import sink_name

    return [
        DeliveryWorker(
            sink_name(sink),
            partial(open_line_sink, sink),
            journal.path,
            journal,
            telemetry,
            start=sink.start,
        )
        for sink in sinks
    ]
