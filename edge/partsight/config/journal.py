"""``[journal]``: the record of verdicts."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from partsight.config.section import ConfigPath, Section, key

__all__ = ["JournalConfig"]


class JournalConfig(Section):
    """The record of verdicts. Verdicts that a sink has not delivered yet are always kept."""

    path: ConfigPath | None = key(None, "File of the journal. Without it, nothing is kept or sent.")
    keep_days: PositiveFloat | None = key(None, "Days that verdicts are kept. Default: no limit.")
    keep_rows: PositiveInt | None = key(
        None, "Verdicts, and events, that are kept. Default: no limit."
    )
