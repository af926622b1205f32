"""When a part is inspected. A new kind of trigger is a module here and an entry in ``_BY_KIND``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.base import Trigger

if TYPE_CHECKING:
    from partsight.config.trigger import TriggerConfig
    from partsight.triggers.trigger_queue import TriggerQueue

__all__ = ["Trigger", "open_trigger", "trigger_kinds"]


def open_trigger(config: TriggerConfig, telemetry: Telemetry) -> Trigger:
    """Make the configured trigger. It listens once it is entered.

    Args:
        config: the section ``[trigger]``.
        telemetry: gets the state ``trigger``, and knows the state ``source``.

    Raises:
        EnvironmentFault: the package that this kind needs is not installed.
    """
    return _BY_KIND[config.kind](config, telemetry)


def trigger_kinds() -> list[str]:
    """Return the values that ``kind`` may have."""
    return list(_BY_KIND)


# Imported only when configured: some need packages that few devices have.


def _frame(config: Any, telemetry: Telemetry) -> Trigger:
    from partsight.triggers.frame import FrameTrigger

    return FrameTrigger()


def _interval(config: Any, telemetry: Telemetry) -> Trigger:
    from partsight.triggers.interval import IntervalTrigger

    return IntervalTrigger(config.period_s, telemetry, config.frame_timeout_s)


def _presence(config: Any, telemetry: Telemetry) -> Trigger:
    from partsight.triggers.presence import PresenceTrigger

    return PresenceTrigger(config, telemetry)


def _mqtt(config: Any, telemetry: Telemetry) -> Trigger:
    from partsight.triggers.mqtt import mqtt_listener

    return _external(mqtt_listener, config, telemetry)


def _http(config: Any, telemetry: Telemetry) -> Trigger:
    from partsight.triggers.http import http_listener

    return _external(http_listener, config, telemetry)


def _modbus(config: Any, telemetry: Telemetry) -> Trigger:
    from partsight.triggers.modbus import modbus_listener

    return _external(modbus_listener, config, telemetry)


def _key(config: Any, telemetry: Telemetry) -> Trigger:
    from partsight.triggers.key import key_listener

    return _external(key_listener, config, telemetry)


def _external(
    listener: Callable[[Any, TriggerQueue, Telemetry], AbstractContextManager[object]],
    config: Any,
    telemetry: Telemetry,
) -> Trigger:
    from partsight.triggers.external import ExternalTrigger
    from partsight.triggers.trigger_queue import TriggerQueue

    # The line is not ready until the listener reports that triggers can come.
    telemetry.state("trigger", "starting", f"waiting for {config.kind}")
    trigger_queue = TriggerQueue(config.kind, config.capacity)
    return ExternalTrigger(
        listener(config, trigger_queue, telemetry), trigger_queue, telemetry, config.frame_timeout_s
    )


_BY_KIND: dict[str, Callable[[Any, Telemetry], Trigger]] = {
    "frame": _frame,
    "interval": _interval,
    "presence": _presence,
    "mqtt": _mqtt,
    "http": _http,
    "modbus": _modbus,
    "key": _key,
}
