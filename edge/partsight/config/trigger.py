"""``[trigger]``: when a part is inspected."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from partsight.config.broker import BrokerSection
from partsight.config.network_address import Host, TopicFilter, is_loopback
from partsight.config.network_sinks import ModbusAddress
from partsight.config.secret import no_second_secret
from partsight.config.section import ConfigPath, Section, key
from partsight.config.value_types import Port, Seconds, Text

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
        description="Seconds from the trigger to wait for a frame; without a frame, the part gets "
        "the fail-safe verdict."
    ),
]
_Capacity = Annotated[
    int,
    Field(
        ge=1,
        le=1000,
        description="Triggers that may wait; if more wait, the oldest get the fail-safe verdict.",
    ),
]


class FrameTriggerConfig(Section):
    """Every frame is inspected."""

    kind: Literal["frame"] = key(..., "Every frame.")


class IntervalTriggerConfig(Section):
    """A frame is inspected at regular intervals."""

    kind: Literal["interval"] = key(..., "A period.")
    period_s: Seconds = key(..., "Seconds from one inspection to the next.")
    frame_timeout_s: _FrameTimeout = 2.0


class PresenceTriggerConfig(Section):
    """A part is inspected once while in view; a background model separates it from the belt."""

    kind: Literal["presence"] = key(..., "A part in view.")
    fire: Literal["settled", "centred"] = key(
        "settled",
        "settled: inspect when the part lies still; centred: when the part is nearest to the "
        "middle of the zone. If the part leaves before, the frame in which it was nearest is "
        "inspected.",
    )
    zone: tuple[_Share, _Share, _Share, _Share] = key(
        (0.0, 0.0, 1.0, 1.0),
        "Left, top, right and bottom of the area where parts appear, as shares of the frame. It "
        "must be smaller than the gap between parts.",
        strict=False,
    )
    contrast: int = key(16, "Grey levels by which a part differs from the belt.", ge=1, le=255)
    smallest: _Share = key(0.02, "Share of the zone that the smallest part covers.")

    @model_validator(mode="after")
    def _sound(self) -> PresenceTriggerConfig:
        left, top, right, bottom = self.zone
        if left >= right or top >= bottom:
            raise ValueError(
                f"zone must be left, top, right, bottom, with left < right and top < bottom. "
                f"Received: {list(self.zone)}"
            )
        return self


class MqttTriggerConfig(BrokerSection):
    """A message of a broker names the part; docs/wiring.md says how its id is read."""

    kind: Literal["mqtt"] = key(..., "A message of an MQTT 5 broker.")
    topic: TopicFilter = key(..., "Topic of the messages; the wildcards + and # are allowed.")
    frame_timeout_s: _FrameTimeout = 2.0
    capacity: _Capacity = 8


class HttpTriggerConfig(Section):
    """POST /trigger on this device names the part: ?part_id=, or in the body of the request."""

    kind: Literal["http"] = key(..., "A request to this device.")
    host: Host = key(
        "127.0.0.1", "Address to listen on; every address except loopback needs a token."
    )
    port: Port = key(8601, "Port to listen on.")
    token_env: Text | None = key(None, "Environment variable with the bearer token of clients.")
    token_file: ConfigPath | None = key(None, "File with the bearer token of clients.")
    frame_timeout_s: _FrameTimeout = 2.0
    capacity: _Capacity = 8

    @model_validator(mode="after")
    def _sound(self) -> HttpTriggerConfig:
        no_second_secret("token", self.token_env, self.token_file)
        if not (is_loopback(self.host) or self.token_env or self.token_file):
            raise ValueError("a host other than loopback needs token_env or token_file")
        return self


class ModbusTriggerConfig(Section):
    """A coil of a PLC that is set; the part's id may be in holding registers."""

    kind: Literal["modbus"] = key(..., "A coil of a PLC.")
    host: Host = key(..., "Name or address of the PLC.")
    port: Port = key(502, "Port of the PLC.")
    unit: int = key(1, "Unit identifier.", ge=0, le=255)
    coil: ModbusAddress = key(..., "Address of the coil, counted from 0.")
    reset: bool = key(
        False,
        "true: the PLC sets the coil for each part, and partsight resets it after it has read the "
        "part's id, so that no pulse is too short. false: each change from off to on is a part.",
    )
    part_id_register: ModbusAddress | None = key(
        None, "First register of the part's id. Default: no id."
    )
    part_id_words: int = key(16, "Registers of the id, with two ASCII letters each.", ge=1, le=100)
    poll_s: float = key(0.02, "Seconds between reads of the coil.", gt=0, le=10)
    timeout_s: Seconds = key(1.0, "Seconds to wait for each answer.")
    frame_timeout_s: _FrameTimeout = 2.0
    capacity: _Capacity = 8


class KeyTriggerConfig(Section):
    """A line from the terminal or a barcode reader; the line is the part's id."""

    kind: Literal["key"] = key(..., "A line from a terminal or barcode reader.")
    device: ConfigPath | None = key(
        None, "Device that sends lines, as /dev/ttyACM0. Default: stdin."
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
