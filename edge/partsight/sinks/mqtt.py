"""Verdicts and status to an MQTT 5 broker.

Topics, below a prefix:

    PREFIX/verdicts  one JSON object per verdict: the columns of the journal, ``id`` and ``seq``;
                     QoS 1. User properties: ``id``, ``seq``, ``verdict``.
    PREFIX/status    retained JSON, QoS 1. ``state`` is ``online``, with ``at``, ``alarms`` (names
                     of raised alarms) and ``vitals``; or ``offline``, with a ``cause``:
                     ``stopped`` after a regular end, ``lost`` from the last will.

Unacknowledged rows are sent again: receivers recognize a duplicate by its ``id``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
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

# Unacknowledged messages, all within one timeout, also on a slow network.
_IN_FLIGHT = 20


class MqttSink(contextlib.AbstractContextManager["MqttSink"]):
    """A ``LineSink``. It connects at the first delivery, and again after a failure.

    Args:
        config: broker, credentials and prefix of the topics.
        now: wall-clock time, for the status.
    """

    def __init__(self, config: MqttSinkConfig, *, now: Callable[[], datetime] = utc_now) -> None:
        self._config, self._now = config, now
        self._publisher: Publisher | None = None

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            # The line has not stopped, so let the broker publish the last will.
            self._drop()
        if self._publisher is not None:
            with contextlib.suppress(SinkUnavailable):
                self._publish([self._status(state="offline", cause="stopped", at=self._at())])
        if self._publisher is not None:
            with self._publisher:
                self._publisher = None

    def deliver(self, rows: Sequence[Row]) -> int:
        """Publish rows in their order; see ``LineSink``."""
        topic = f"{self._config.prefix}/verdicts"
        return self._publish([_verdict(topic, row) for row in rows[:_IN_FLIGHT]])

    def report(self, status: Mapping[str, Any]) -> bool:
        """Publish the status, retained; see ``LineSink``."""
        alarms = [name for name, raised in status.get("alarms", {}).items() if raised]
        # The field is named "vitals" since the first version: receivers depend on it.
        fields = {"state": "online", "at": self._at(), "alarms": alarms, "vitals": dict(status)}
        self._publish([self._status(**fields)])
        return True

    def _publish(self, messages: Sequence[Message]) -> int:
        """Publish, and return how many messages were acknowledged, from the first on."""
        if self._publisher is None:
            will = self._status(state="offline", cause="lost")  # when is not known before
            self._publisher = Publisher(self._config, will)
        try:
            return self._publisher.publish(messages)
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
    """Return the sink for ``kind = "mqtt"``."""
    return MqttSink(config)


def _verdict(topic: str, row: Row) -> Message:
    user = tuple((name, str(row[name])) for name in ("id", "seq", "verdict") if name in row)
    return Message(topic, _json(row), user=user)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
