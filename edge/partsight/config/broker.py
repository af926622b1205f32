"""Which MQTT broker, and as whom: keys that the sink and the trigger share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from partsight.config.secret import at_most_one
from partsight.config.section import Place
from partsight.config.tls import TlsSection
from partsight.errors import ConfigError

__all__ = ["BrokerSection", "Port", "Seconds", "Text", "no_second_secret"]

Text = Annotated[str, StringConstraints(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


def no_second_secret(what: str, env: str | None, file: Place | None) -> None:
    """As ``at_most_one``, in the way that pydantic hears of it."""
    try:
        at_most_one(what, env, file)
    except ConfigError as error:
        raise ValueError(str(error)) from error


class BrokerSection(TlsSection):
    """An MQTT 5 broker."""

    host: Text = Field(description="Name or address of the broker.")
    port: Port | None = Field(
        default=None, description="Its port; 8883 with tls and 1883 without if left out."
    )
    tls: bool = Field(default=False, description="Whether the connection is encrypted.")
    client_id: Text | None = Field(
        default=None,
        description="Name of this client at the broker, which no other may have; made of the "
        "host's name if left out.",
    )
    username: Text | None = Field(default=None, description="User at the broker.")
    password_env: Text | None = Field(
        default=None, description="Environment variable that holds the user's password."
    )
    password_file: Place | None = Field(
        default=None, description="File that holds the user's password, instead of a variable."
    )
    timeout_s: Seconds = Field(
        default=5.0, description="Seconds to wait for the broker's answer to anything."
    )

    @model_validator(mode="after")
    def _sound(self) -> BrokerSection:
        no_second_secret("password", self.password_env, self.password_file)
        if self.username is None and (self.password_env or self.password_file):
            raise ValueError("a password needs the username that it is of")
        if not self.tls and (self.ca_file or self.certificate_file or self.insecure):
            raise ValueError("ca_file, certificate_file and insecure mean nothing without tls=true")
        return self
