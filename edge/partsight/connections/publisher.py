"""A connection to an MQTT 5 broker that publishes and waits for acknowledgements."""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from partsight.connections.mqtt import (
    KEEPALIVE_S,
    Message,
    PacketTypes,
    address,
    make_client,
    make_properties,
    paho,
)
from partsight.errors import SinkUnavailable

if TYPE_CHECKING:
    from partsight.config.broker import BrokerSection

__all__ = ["Publisher"]

# After a refusal that a person must fix, such as a wrong password.
_REFUSED_RETRY_S = 30.0
# Time that the broker keeps the session of a client that is disconnected.
_SESSION_EXPIRY_S = 3600


class Publisher(contextlib.AbstractContextManager["Publisher"]):
    """One connection to a broker, until it breaks. It does not reconnect: the caller sends
    unacknowledged messages again, so that messages stay in order.

    Args:
        config: broker and credentials.
        will: message that the broker publishes when the connection breaks.

    Raises:
        SinkUnavailable: the broker cannot be reached, or refuses.
        ConfigError: the password or a certificate cannot be read.
    """

    def __init__(self, config: BrokerSection, will: Message) -> None:
        self._timeout_s = config.timeout_s
        self._place = "{}:{}".format(*address(config))
        self._changed = threading.Condition()
        self._welcome: Any = None
        self._acknowledged: dict[int, Any] = {}
        self._broken: str | None = None
        # Raised by the next call: part of a batch was acknowledged before it.
        self._fault: SinkUnavailable | None = None
        self._client = make_client(config, "sink", reconnect=False)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.will_set(
            will.topic,
            will.payload,
            qos=1,
            retain=will.retain,
            properties=will.properties(PacketTypes.WILLMESSAGE),
        )
        try:
            self._connect(config)
        except BaseException:
            self._abandon()
            raise

    def __exit__(self, *error: object) -> None:
        """Disconnect in the regular way, so that the broker does not publish the will."""
        self._client.disconnect()
        with self._changed:
            self._changed.wait_for(lambda: self._broken is not None, self._timeout_s)
        self._abandon()

    def publish(self, messages: Sequence[Message]) -> int:
        """Publish at QoS 1, and wait at most ``timeout_s`` for all acknowledgements.

        Returns:
            How many messages the broker acknowledged, counted from the first; at least 1. If that
            is not all, the next call raises the reason.

        Raises:
            SinkUnavailable: the first is not acknowledged or refused; drop this connection then.
        """
        if self._fault is not None:
            raise self._fault
        deadline_s = time.monotonic() + self._timeout_s
        acknowledged = 0
        for mid in [self._send(message) for message in messages]:
            try:
                self._wait(mid, deadline_s)
            except SinkUnavailable as fault:
                if not acknowledged:
                    raise
                self._fault = fault
                break
            acknowledged += 1
        return acknowledged

    def _wait(self, mid: int, deadline_s: float) -> None:
        with self._changed:
            settled = functools.partial(self._settled, mid)
            answered = self._changed.wait_for(settled, max(0.0, deadline_s - time.monotonic()))
            code = self._acknowledged.pop(mid, None)
        if code is None:
            reason = self._broken if answered else "the broker did not answer in time"
            raise self._unavailable(f"no acknowledgement: {reason}")
        if code.is_failure:
            raise self._unavailable(f"the broker refused a message: {code}", _REFUSED_RETRY_S)

    def _settled(self, mid: int) -> bool:
        return mid in self._acknowledged or self._broken is not None

    def _send(self, message: Message) -> int:
        info = self._client.publish(
            message.topic,
            message.payload,
            qos=1,
            retain=message.retain,
            properties=message.properties(PacketTypes.PUBLISH),
        )
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise self._unavailable(self._broken or paho.error_string(info.rc))
        return info.mid

    def _connect(self, config: BrokerSection) -> None:
        properties = make_properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = _SESSION_EXPIRY_S
        try:
            self._client.connect(
                *address(config), KEEPALIVE_S, clean_start=False, properties=properties
            )
        except (OSError, ValueError) as error:
            raise self._unavailable(str(error)) from error
        self._client.loop_start()
        with self._changed:
            self._changed.wait_for(
                lambda: self._welcome is not None or self._broken is not None, self._timeout_s
            )
            welcome = self._welcome
        if welcome is None:
            raise self._unavailable(self._broken or "the broker did not answer in time")
        if welcome.is_failure:
            raise self._unavailable(
                f"the broker refused the connection: {welcome}", _REFUSED_RETRY_S
            )

    def _abandon(self) -> None:
        """End the connection and the client's thread at once."""
        open_socket: Any = self._client.socket()
        if open_socket is not None:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()
        # Break the reference cycle, which would keep the sockets open until garbage collection.
        self._client.on_connect = self._client.on_disconnect = self._client.on_publish = None

    def drop(self) -> None:
        """End a broken connection; the broker publishes the will."""
        self._abandon()

    def _unavailable(self, reason: str, retry_after_s: float | None = None) -> SinkUnavailable:
        return SinkUnavailable(
            f"cannot publish to the MQTT broker {self._place}: {reason}. Messages that the "
            "broker has not acknowledged are sent again.",
            retry_after_s=retry_after_s,
        )

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        with self._changed:
            self._welcome = reason
            self._changed.notify_all()

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        with self._changed:
            self._broken = f"the connection ended: {reason}"
            self._changed.notify_all()

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason: Any, properties: Any
    ) -> None:
        with self._changed:
            self._acknowledged[mid] = reason
            self._changed.notify_all()
