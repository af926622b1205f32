"""What all sections ``[[sinks]]`` share, whatever their kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from partsight.config.section import Section

__all__ = ["FedSection"]


class FedSection(Section):
    """A sink that is fed from the journal."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = Field(
        default=None,
        description="Its name in the metrics, the logs and its cursor; the kind if left out. Two "
        "sinks must not share it.",
    )
    start: Literal["end", "beginning"] = Field(
        default="end",
        description="Where in the journal a sink begins that is new: 'end' hands on only what "
        "comes, 'beginning' all that is in the journal.",
    )
