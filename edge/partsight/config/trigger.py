"""``[trigger]``: when a part is judged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from partsight.config.broker import BrokerSection, Port, Seconds, Text, no_second_secret
from partsight.config.network_address import Host, TopicFilter, is_loopback
from partsight.config.network_sinks import Address
from partsight.config.section import Place, Section

__all__ = [
    "FrameTriggerConfig",
    "HttpTriggerConfig",
    "IntervalTriggerConfig",
    "KeyTriggerConfig",
    "ModbusTriggerConfig",
    "MqttTriggerConfig",
    "PresenceTriggerConfig",
    "TriggerConfig",
]

_Share = Annotated[float, Field(ge=0, le=1)]
_FrameTimeout = Annotated[
    Seconds,
    Field(
        description="Seconds from the trigger in which a frame must come; a part without one gets "
        "the fail-safe verdict."
    ),
]
_Capacity = Annotated[
    int,
    Field(
        ge=1,
        le=1000,
        description="Triggers that may wait; where more do, the oldest get the fail-safe verdict.",
    ),
]


class FrameTriggerConfig(Section):
    """Every frame is judged."""

    kind: Literal["frame"] = Field(description="Every frame.")


class IntervalTriggerConfig(Section):
    """A frame is judged at equal distances of time."""

    kind: Literal["interval"] = Field(description="A period.")
    period_s: Seconds = Field(description="Seconds from one judgement to the next.")
    frame_timeout_s: _FrameTimeout = 2.0


class PresenceTriggerConfig(Section):
    """A part is judged once while it is in view; the belt is told from it by a background model."""

    kind: Literal["presence"] = Field(description="A part that is seen.")
    fire: Literal["settled", "centred"] = Field(
        default="settled",
        description="When: once the part lies still, or once it is nearest the middle of the zone. "
        "One that leaves before is judged by the frame in which it was nearest.",
    )
    zone: tuple[_Share, _Share, _Share, _Share] = Field(
        default=(0.0, 0.0, 1.0, 1.0),
        strict=False,
        description="Left, top, right and bottom of where parts are looked for, shares of the "
        "frame. It must be smaller than the gap between parts.",
    )
    contrast: int = Field(
        default=16,
        ge=1,
        le=255,
        description="Grey levels by which a pixel of a part differs from the belt.",
    )
    smallest: _Share = Field(
        default=0.02, description="Share of the zone that the smallest part covers."
    )

    @model_validator(mode="after")
    def _sound(self) -> PresenceTriggerConfig:
        left, top, right, bottom = self.zone
        if left >= right or top >= bottom:
            raise ValueError(
                "zone must be left, top, right, bottom, with left < right, top < bottom"
            )
        return self


class MqttTriggerConfig(BrokerSection):
    """A message of a broker names the part: docs/wiring.md says how its id is read."""

    kind: Literal["mqtt"] = Field(description="A message of an MQTT 5 broker.")
    topic: TopicFilter = Field(description="Topic of the messages; wildcards may be used.")
    frame_timeout_s: _FrameTimeout = 2.0
    capacity: _Capacity = 8


class HttpTriggerConfig(Section):
    """POST /trigger on this device names the part: ?part_id=, or in the request's body."""

    kind: Literal["http"] = Field(description="A request to this device.")
    host: Host = Field(
        default="127.0.0.1",
        description="Address to listen on; any but loopback needs a token.",
    )
    port: Port = Field(default=8601, description="Port to listen on.")
    token_env: Text | None = Field(
        default=None, description="Environment variable that holds the bearer token to ask for."
    )
    token_file: Place | None = Field(
        default=None, description="File that holds the bearer token, instead of a variable."
    )
    frame_timeout_s: _FrameTimeout = 2.0
    capacity: _Capacity = 8

    @model_validator(mode="after")
    def _sound(self) -> HttpTriggerConfig:
        no_second_secret("token", self.token_env, self.token_file)
        if not (is_loopback(self.host) or self.token_env or self.token_file):
            raise ValueError("a host other than loopback needs token_env or token_file")
        return self


class ModbusTriggerConfig(Section):
    """A coil of a PLC that goes on; the part's id may stand in its holding registers."""

    kind: Literal["modbus"] = Field(description="A coil of a PLC.")
    host: Host = Field(description="Name or address of the PLC.")
    port: Port = Field(default=502, description="Its port.")
    unit: int = Field(default=1, ge=0, le=255, description="Its unit identifier.")
    coil: Address = Field(description="Address of the coil, counted from 0.")
    reset: bool = Field(
        default=False,
        description="Whether the coil is set by the PLC and put off by us, once the part's id is "
        "read: then no pulse is too short. Else each change from off to on is a part.",
    )
    part_id_register: Address | None = Field(
        default=None, description="Address of the first register of the id; none if left out."
    )
    part_id_words: int = Field(
        default=16, ge=1, le=100, description="Registers of the id, two ASCII letters in each."
    )
    poll_s: float = Field(
        default=0.02, gt=0, le=10, description="Seconds from one look at the coil to the next."
    )
    timeout_s: Seconds = Field(default=1.0, description="Seconds to wait for each answer.")
    frame_timeout_s: _FrameTimeout = 2.0
    capacity: _Capacity = 8


class KeyTriggerConfig(Section):
    """A line typed in the terminal, or sent by a barcode reader; it is the part's id."""

    kind: Literal["key"] = Field(description="A line from a terminal or barcode reader.")
    device: Place | None = Field(
        default=None, description="Where lines come from, such as /dev/ttyACM0; stdin if left out."
    )
    frame_timeout_s: _FrameTimeout = 2.0
    capacity: _Capacity = 8


TriggerConfig = Annotated[
    FrameTriggerConfig
    | IntervalTriggerConfig
    | PresenceTriggerConfig
    | MqttTriggerConfig
    | HttpTriggerConfig
    | ModbusTriggerConfig
    | KeyTriggerConfig,
    Field(discriminator="kind"),
]
