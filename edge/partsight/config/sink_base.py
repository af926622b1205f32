"""Keys that all ``[[sinks]]`` share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from partsight.config.section import Section, key

__all__ = ["SinkSection"]


class SinkSection(Section):
    """A sink that receives verdicts from the journal."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = key(
        None, "Unique name in metrics and logs. Default: the kind."
    )
    start: Literal["end", "beginning"] = key(
        "end",
        "Where a new sink starts in the journal: 'end' sends new verdicts only, 'beginning' all "
        "that are in the journal.",
    )
