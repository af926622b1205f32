"""From the sections ``[[sinks]]`` of the configuration to the sinks of a line.

Enters: the sections. Leaves: a ``LineSink`` that is yet to be entered, or a feeder for each. What
a kind needs is imported only when it is asked for.
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
    """The sink that a section describes.

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
    """A feeder for each section, yet to be started; all have their place in the journal by now.

    Raises:
        JournalError: the journal cannot be read.
        OutputError: there can be no cursor beside it.
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
