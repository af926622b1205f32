"""MQTT broker: keys that the sink and the trigger share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from partsight.config.secret import at_most_one
from partsight.config.section import Place, key
from partsight.config.tls import TlsSection
from partsight.errors import ConfigError

__all__ = ["BrokerSection", "Port", "Seconds", "Text", "no_second_secret"]

Text = Annotated[str, StringConstraints(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


def no_second_secret(what: str, env: str | None, file: Place | None) -> None:
    """Refuse a secret that is given twice, as ``at_most_one``, with an error for pydantic."""
    try:
        at_most_one(what, env, file)
    except ConfigError as error:
        raise ValueError(str(error)) from error


class BrokerSection(TlsSection):
    """An MQTT 5 broker."""

    host: Text = key(..., "Name or address of the broker.")
    port: Port | None = key(None, "Port of the broker. Default: 8883 with tls, else 1883.")
    tls: bool = key(False, "Encrypt the connection.")
    client_id: Text | None = key(
        None, "Unique name of this client at the broker. Default: from the host name."
    )
    username: Text | None = key(None, "User at the broker.")
    password_env: Text | None = key(None, "Environment variable with the user's password.")
    password_file: Place | None = key(None, "File with the user's password.")
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
