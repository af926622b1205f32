"""``[[sinks]]``: who gets the verdicts. A kind is a class with its ``kind``, in ``SinkConfig``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat

from partsight.config.network_sinks import ModbusSinkConfig, MqttSinkConfig, WebhookSinkConfig
from partsight.config.section import Place
from partsight.config.sink_base import FedSection

__all__ = [
    "CsvSinkConfig",
    "JsonLinesSinkConfig",
    "SinkConfig",
    "Sinks",
    "StdoutSinkConfig",
    "sink_name",
]


class _FileSection(FedSection):
    path: Place = Field(
        description="The newest file. Ended ones lie beside it, named by when they were ended. "
        "A relative path starts at the configuration file."
    )
    max_mb: PositiveFloat | None = Field(
        default=50.0, description="Megabytes after which a file is ended."
    )
    daily: bool = Field(default=True, description="Whether a file is ended with the day, UTC.")
    keep: NonNegativeInt | None = Field(
        default=30, description="How many ended files are kept; the oldest go first."
    )


class JsonLinesSinkConfig(_FileSection):
    """Verdicts in a file, a JSON object a line."""

    kind: Literal["jsonl"] = Field(description="JSON lines in a file.")


class CsvSinkConfig(_FileSection):
    """Verdicts in a file of comma-separated values."""

    kind: Literal["csv"] = Field(description="Comma-separated values in a file.")


class StdoutSinkConfig(FedSection):
    """Verdicts on standard output, a JSON object a line."""

    kind: Literal["stdout"] = Field(description="JSON lines on standard output.")


SinkConfig = Annotated[
    JsonLinesSinkConfig
    | CsvSinkConfig
    | StdoutSinkConfig
    | MqttSinkConfig
    | WebhookSinkConfig
    | ModbusSinkConfig,
    Field(discriminator="kind"),
]


def sink_name(sink: SinkConfig) -> str:
    """What a sink is called."""
    return sink.name or sink.kind


def _named_apart(sinks: tuple[SinkConfig, ...]) -> tuple[SinkConfig, ...]:
    names = [sink_name(sink) for sink in sinks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each sink needs a name of its own, more than one is {twice[0]!r}")
    return sinks


# TOML has lists, which may change; sections do not.
Sinks = Annotated[tuple[SinkConfig, ...], Field(strict=False), AfterValidator(_named_apart)]
