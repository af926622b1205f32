"""Verdicts and status to an MQTT 5 broker.

Topics, below a prefix:

    PREFIX/verdicts  a JSON object a verdict, the columns of the journal with ``id`` and ``seq``;
                     QoS 1. User properties: ``id``, ``seq``, ``verdict``.
    PREFIX/status    retained JSON, QoS 1. ``state`` is ``online``, with ``at``, ``alarms`` (names
                     of those that are raised) and ``telemetry``; or ``offline``, with a ``cause``:
                     ``stopped`` where we parted, ``lost`` where the broker says it, as the last
                     will.

Rows enter from a feeder, which sends again what was not acknowledged: receivers tell a verdict
that comes twice by its ``id``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from partsight.connections.mqtt import Message
from partsight.connections.publisher import Publisher
from partsight.errors import SinkUnavailable
from partsight.results.base import Row
from partsight.sinks.base import LineSink
from partsight.utils.wall_clock import utc_now

if TYPE_CHECKING:
    from partsight.config.network_sinks import MqttSinkConfig

__all__ = ["MqttSink", "open_sink"]


class MqttSink:
    """A ``LineSink``. It connects when it has something to say, and anew after a failure.

    Args:
        config: the broker, as whom, and the topics' prefix.
        now: the time that a status says.
    """

    def __init__(self, config: MqttSinkConfig, *, now: Callable[[], datetime] = utc_now) -> None:
        self._config, self._now = config, now
        self._publisher: Publisher | None = None

    def __enter__(self) -> MqttSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            # The line goes on, so it has not stopped: the broker says that it was lost.
            self._drop()
        if self._publisher is not None:
            with contextlib.suppress(SinkUnavailable):
                self._publish([self._status(state="offline", cause="stopped", at=self._at())])
        if self._publisher is not None:
            with self._publisher:
                self._publisher = None

    def deliver(self, rows: Sequence[Row]) -> None:
        """Publish rows in their order; see ``LineSink``."""
        self._publish([_verdict(f"{self._config.prefix}/verdicts", row) for row in rows])

    def report(self, status: Mapping[str, Any]) -> bool:
        """Publish the status, retained; see ``LineSink``."""
        alarms = [name for name, raised in status.get("alarms", {}).items() if raised]
        # The field is named "vitals" since the first version: receivers depend on it.
        fields = {"state": "online", "at": self._at(), "alarms": alarms, "vitals": dict(status)}
        self._publish([self._status(**fields)])
        return True

    def _publish(self, messages: Sequence[Message]) -> None:
        if self._publisher is None:
            will = self._status(state="offline", cause="lost")  # when is not known before
            self._publisher = Publisher(self._config, will)
        try:
            self._publisher.publish(messages)
        except SinkUnavailable:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._publisher is not None:
            self._publisher.drop()
            self._publisher = None

    def _status(self, **fields: Any) -> Message:
        return Message(f"{self._config.prefix}/status", _json(fields), retain=True)

    def _at(self) -> str:
        return self._now().isoformat(timespec="milliseconds")


def open_sink(config: MqttSinkConfig) -> LineSink:
    """The sink for ``kind = "mqtt"``."""
    return MqttSink(config)


def _verdict(topic: str, row: Row) -> Message:
    told = tuple((name, str(row[name])) for name in ("id", "seq", "verdict") if name in row)
    return Message(topic, _json(row), user=told)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
