"""``[[sinks]]`` that reach over the network: MQTT, a webhook, a PLC by Modbus TCP."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from partsight.config.broker import BrokerSection, Port, Seconds, Text, no_second_secret
from partsight.config.section import Place
from partsight.config.sink_base import FedSection
from partsight.config.tls import TlsSection

__all__ = [
    "Address",
    "ModbusSinkConfig",
    "MqttSinkConfig",
    "WebhookSinkConfig",
    "is_loopback",
]

Address = Annotated[int, Field(ge=0, le=65535)]
# No wildcards, and no slash at the ends: topics are made by adding to it.
_Prefix = Annotated[str, StringConstraints(pattern=r"^[^/#+\x00]([^#+\x00]*[^/#+\x00])?$")]


class MqttSinkConfig(FedSection, BrokerSection):
    """Verdicts and status to an MQTT 5 broker."""

    kind: Literal["mqtt"] = Field(description="An MQTT 5 broker.")
    prefix: _Prefix = Field(
        default="partsight",
        description="Verdicts go to PREFIX/verdicts, the retained status to PREFIX/status; two "
        "devices must not share it.",
    )


class WebhookSinkConfig(FedSection, TlsSection):
    """Verdicts to a web server by signed POST requests."""

    kind: Literal["webhook"] = Field(description="A web server, by signed POST requests.")
    url: Text = Field(
        description="Where to POST: https://, or http:// to this very device, else with insecure."
    )
    secret_env: Text | None = Field(
        default=None, description="Environment variable that holds the secret to sign with."
    )
    secret_file: Place | None = Field(
        default=None, description="File that holds the secret to sign with, instead of a variable."
    )
    timeout_s: Seconds = Field(
        default=10.0, description="Seconds to wait for a connection, and for each answer."
    )

    @model_validator(mode="after")
    def _sound(self) -> WebhookSinkConfig:
        no_second_secret("secret", self.secret_env, self.secret_file)
        if not (self.secret_env or self.secret_file):
            raise ValueError("needs secret_env or secret_file: receivers tell us by the signature")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must start with https:// and a host")
        if "@" in parts.netloc:
            raise ValueError("url must hold no password: receivers tell us by the signature")
        if parts.scheme == "http" and not (self.insecure or is_loopback(parts.hostname)):
            raise ValueError("url must be https://; set insecure to send verdicts unencrypted")
        return self


class ModbusSinkConfig(FedSection):
    """Verdicts to a PLC by Modbus TCP; docs/wiring.md has the map of coils and registers."""

    kind: Literal["modbus"] = Field(description="A PLC, by Modbus TCP.")
    host: Text = Field(description="Name or address of the PLC.")
    port: Port = Field(default=502, description="Its port.")
    unit: int = Field(default=1, ge=0, le=255, description="Its unit identifier.")
    coils: Address = Field(default=0, description="Address of the first coil, counted from 0.")
    registers: Address = Field(
        default=0, description="Address of the first holding register, counted from 0."
    )
    max_age_s: Seconds = Field(
        default=5.0,
        description="Verdicts on older pictures are counted and move no coil: they would sort "
        "another part.",
    )
    hold_s: float = Field(
        default=0.05,
        ge=0,
        le=10,
        description="Seconds that a verdict stands at least before the next; at least two of the "
        "PLC's scans.",
    )
    handshake: bool = Field(
        default=False,
        description="Whether the PLC copies the sequence into the echo register, which is waited "
        "for before the next verdict.",
    )
    timeout_s: Seconds = Field(default=2.0, description="Seconds to wait for each answer.")


def is_loopback(host: str) -> bool:
    """Whether an address or name is this very device's."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
