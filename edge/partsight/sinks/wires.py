"""From the configuration of a sink that reaches over the network to what opens it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from partsight.sinks.base import LineSink

if TYPE_CHECKING:
    from partsight.config.wires import WireConfig

__all__ = ["wire_opener"]


def wire_opener(config: WireConfig) -> Callable[[], LineSink]:
    """What a feeder opens the sink by, as often as it must. Opening it reaches nobody yet.

    Args:
        config: one of ``[[sinks]]``.

    Raises:
        EnvironmentFault: the package that this kind needs is not installed.
    """
    return _BY_KIND[config.kind](config)


# Imported when asked for: few devices have all of these packages.


def _mqtt(config: Any) -> Callable[[], LineSink]:
    from partsight.sinks.mqtt import MqttSink

    return lambda: MqttSink(config)


def _webhook(config: Any) -> Callable[[], LineSink]:
    from partsight.sinks.webhook import WebhookSink

    return lambda: WebhookSink(config)


def _modbus(config: Any) -> Callable[[], LineSink]:
    from partsight.sinks.modbus import ModbusSink, Tally

    tally = Tally()
    return lambda: ModbusSink(config, tally)


_BY_KIND: dict[str, Callable[[Any], Callable[[], LineSink]]] = {
    "mqtt": _mqtt,
    "webhook": _webhook,
    "modbus": _modbus,
}
