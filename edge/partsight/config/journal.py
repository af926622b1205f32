"""``[journal]``: where verdicts are kept, and how long."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from partsight.config.section import Place, Section

__all__ = ["JournalConfig"]


class JournalConfig(Section):
    """Where verdicts are kept, and how long.

    What a sink has yet to hand on is kept in any case.
    """

    path: Place | None = Field(
        default=None,
        description="The journal's file; without one, nothing is kept and no sink is fed. "
        "A relative path starts at the configuration file.",
    )
    keep_days: PositiveFloat | None = Field(
        default=None, description="Days that verdicts are kept; for ever if left out."
    )
    keep_rows: PositiveInt | None = Field(
        default=None,
        description="How many verdicts, and how many events, are kept; all if left out.",
    )
