"""``[[sinks]]`` on the network: MQTT, a webhook, a PLC by Modbus TCP."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from partsight.config.broker import BrokerSection
from partsight.config.network_address import Host, Url, is_loopback
from partsight.config.secret import no_second_secret
from partsight.config.section import ConfigPath, key
from partsight.config.sink_base import SinkSection
from partsight.config.tls import TlsSection
from partsight.config.value_types import Port, Seconds, Text

__all__ = [
    "ModbusAddress",
    "ModbusSinkConfig",
    "MqttSinkConfig",
    "WebhookSinkConfig",
]

ModbusAddress = Annotated[int, Field(ge=0, le=65535)]
# No wildcards, and no slash at the ends: the names of topics are appended.
_Prefix = Annotated[str, StringConstraints(pattern=r"^[^/#+\x00]([^#+\x00]*[^/#+\x00])?$")]


class MqttSinkConfig(SinkSection, BrokerSection):
    """Verdicts and status to an MQTT 5 broker."""

    kind: Literal["mqtt"] = key(..., "An MQTT 5 broker.")
    prefix: _Prefix = key(
        "partsight",
        "Verdicts go to PREFIX/verdicts, the retained status to PREFIX/status. Each device needs "
        "its own prefix.",
    )


class WebhookSinkConfig(SinkSection, TlsSection):
    """Verdicts to a web server by signed POST requests."""

    kind: Literal["webhook"] = key(..., "A web server, by signed POST requests.")
    url: Url = key(..., "URL to POST to: https://; http:// only for this device, or with insecure.")
    secret_env: Text | None = key(None, "Environment variable with the secret to sign with.")
    secret_file: ConfigPath | None = key(None, "File with the secret to sign with.")
    timeout_s: Seconds = key(10.0, "Seconds to wait for a connection, and for each answer.")

    @model_validator(mode="after")
    def _sound(self) -> WebhookSinkConfig:
        no_second_secret("secret", self.secret_env, self.secret_file)
        if not (self.secret_env or self.secret_file):
            raise ValueError(
                "needs secret_env or secret_file: receivers verify the sender by the signature"
            )
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not (self.insecure or is_loopback(parts.hostname or "")):
            raise ValueError("url must be https://; set insecure to send verdicts unencrypted")
        return self


class ModbusSinkConfig(SinkSection):
    """Verdicts to a PLC by Modbus TCP; docs/wiring.md has the map of coils and registers."""

    kind: Literal["modbus"] = key(..., "A PLC, by Modbus TCP.")
    host: Host = key(..., "Name or address of the PLC.")
    port: Port = key(502, "Port of the PLC.")
    unit: int = key(1, "Unit identifier.", ge=0, le=255)
    coils: ModbusAddress = key(0, "Address of the first coil, counted from 0.")
    registers: ModbusAddress = key(0, "Address of the first holding register, from 0.")
    max_age_s: Seconds = key(
        5.0,
        "Age of a frame above which its verdict changes no coil: the coil would sort another part.",
    )
    hold_s: float = key(
        0.05,
        "Shortest time between two verdicts, seconds; set at least two PLC scans.",
        ge=0,
        le=10,
    )
    handshake: bool = key(
        False, "Before the next verdict, wait until the PLC has copied the sequence into echo."
    )
    timeout_s: Seconds = key(2.0, "Seconds to wait for each answer.")
