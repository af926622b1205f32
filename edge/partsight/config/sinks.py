"""``[[sinks]]``: receivers of verdicts. Each kind is a class in ``SinkConfig``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat

from partsight.config.network_sinks import ModbusSinkConfig, MqttSinkConfig, WebhookSinkConfig
from partsight.config.section import ConfigPath, key
from partsight.config.sink_base import SinkSection

__all__ = [
    "CsvSinkConfig",
    "JsonLinesSinkConfig",
    "SinkConfig",
    "Sinks",
    "StdoutSinkConfig",
    "sink_name",
]


class _FileSection(SinkSection):
    path: ConfigPath = key(
        ..., "Newest file. Closed files are kept next to it, with a number and their time."
    )
    max_mb: PositiveFloat | None = key(50.0, "Megabytes after which a file is closed.")
    daily: bool = key(True, "Close the file at the end of each day, UTC.")
    keep: NonNegativeInt | None = key(30, "Closed files that are kept; the oldest are removed.")


class JsonLinesSinkConfig(_FileSection):
    """Verdicts in a file, one JSON object per line."""

    kind: Literal["jsonl"] = key(..., "JSON lines in a file.")


class CsvSinkConfig(_FileSection):
    """Verdicts in a file of comma-separated values."""

    kind: Literal["csv"] = key(..., "Comma-separated values in a file.")


class StdoutSinkConfig(SinkSection):
    """Verdicts on standard output, one JSON object per line."""

    kind: Literal["stdout"] = key(..., "JSON lines on standard output.")


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
    """Name of a sink."""
    return sink.name or sink.kind


def _unique_names(sinks: tuple[SinkConfig, ...]) -> tuple[SinkConfig, ...]:
    names = [sink_name(sink) for sink in sinks]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"each sink needs its own name, more than one is {repeated[0]!r}")
    return sinks


# Not strict: TOML has lists, and sections hold tuples.
Sinks = Annotated[tuple[SinkConfig, ...], Field(strict=False), AfterValidator(_unique_names)]
