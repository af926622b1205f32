"""MQTT 5 by paho-mqtt: the one import of it.

Enters: a broker's section of the configuration. Leaves: a client, for the trigger and for the
sink's ``Publisher``.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from partsight.config.secret import optional_secret
from partsight.connections.tls import tls_context
from partsight.utils.imports import import_fault

if TYPE_CHECKING:
    from partsight.config.broker import BrokerSection

try:
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
except ImportError as error:
    raise import_fault("MQTT", "paho-mqtt", "partsight[mqtt]", error) from error

__all__ = [
    "KEEPALIVE_S",
    "Message",
    "PacketTypes",
    "address",
    "make_client",
    "make_properties",
    "paho",
]

# Silence after which client and broker check whether the connection is alive.
KEEPALIVE_S = 15


def make_properties(kind: int) -> Any:
    """MQTT 5's properties of a kind of packet, to be filled in."""
    make: Any = Properties  # paho types all but this
    return make(kind)


@dataclass(frozen=True, slots=True)
class Message:
    """A JSON text for a topic; ``user`` are MQTT 5's user properties."""

    topic: str
    payload: bytes
    retain: bool = False
    user: tuple[tuple[str, str], ...] = ()

    def properties(self, kind: int) -> Any:
        """Of a PUBLISH or a will: what the payload is."""
        properties = make_properties(kind)
        properties.ContentType = "application/json"
        properties.PayloadFormatIndicator = 1  # UTF-8
        if self.user:
            properties.UserProperty = list(self.user)
        return properties


def address(config: BrokerSection) -> tuple[str, int]:
    """Host and port of the broker."""
    return config.host, config.port or (8883 if config.tls else 1883)


def make_client(config: BrokerSection, role: str, *, reconnect: bool) -> paho.Client:
    """A client that is yet to be connected.

    Args:
        config: the broker, and as whom.
        role: what the client is for: two with one name would throw each other out.
        reconnect: whether it mends a broken connection by itself.

    Raises:
        ConfigError: the password or a certificate cannot be read.
    """
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=config.client_id or f"partsight-{socket.gethostname()}-{role}",
        protocol=paho.MQTTv5,
        reconnect_on_failure=reconnect,
    )
    client.connect_timeout = config.timeout_s
    # What goes wrong in a callback must not end the client's thread.
    client.suppress_exceptions = True
    if config.username is not None:
        password = optional_secret("password", config.password_env, config.password_file)
        client.username_pw_set(config.username, password)
    if config.tls:
        client.tls_set_context(tls_context(config, "broker {}:{}".format(*address(config))))
    return client
