"""MQTT broker: keys that the sink and the trigger share."""

from __future__ import annotations

from pydantic import model_validator

from partsight.config.network_address import Host
from partsight.config.secret import no_second_secret
from partsight.config.section import ConfigPath, key
from partsight.config.tls import TlsSection
from partsight.config.value_types import Port, Seconds, Text

__all__ = ["BrokerSection"]


class BrokerSection(TlsSection):
    """An MQTT 5 broker."""

    host: Host = key(..., "Name or address of the broker.")
    port: Port | None = key(None, "Port of the broker. Default: 8883 with tls, else 1883.")
    tls: bool = key(False, "Encrypt the connection.")
    client_id: Text | None = key(
        None, "Unique name of this client at the broker. Default: from the host name."
    )
    username: Text | None = key(None, "User at the broker.")
    password_env: Text | None = key(None, "Environment variable with the user's password.")
    password_file: ConfigPath | None = key(None, "File with the user's password.")
    timeout_s: Seconds = key(5.0, "Seconds to wait for an answer of the broker.")

    @model_validator(mode="after")
    def _sound(self) -> BrokerSection:
        no_second_secret("password", self.password_env, self.password_file)
        if self.username is None and (self.password_env or self.password_file):
            raise ValueError("a password needs a username")
        if not self.tls and (self.ca_file or self.certificate_file or self.insecure):
            raise ValueError(
                "ca_file, certificate_file and insecure have no effect without tls=true"
            )
        return self
