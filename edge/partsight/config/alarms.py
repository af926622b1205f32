"""``[alarms]``: alarms on the line's verdicts that need no reference."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt, PositiveInt

from partsight.config.section import Section

__all__ = ["AlarmsConfig"]


class AlarmsConfig(Section):
    """Alarms on the line's final verdicts, fail-safe ones too.

    They need no drift reference, act from the first part on, and do not depend on drift.enabled.
    """

    rejects_in_a_row: NonNegativeInt = Field(
        default=10, description="So many rejected parts in a row raise an alarm; 0 is off."
    )
    faults_in_a_row: NonNegativeInt = Field(
        default=5,
        description="So many parts in a row that could not be inspected, or whose picture has "
        "practically no contrast, raise an alarm; 0 is off.",
    )
    reject_rate_above: float = Field(
        default=0.3,
        ge=0,
        lt=1,
        description="A larger share of rejects among the last reject_rate_parts raises an alarm, "
        "which clears at four fifths of this share; 0 is off.",
    )
    reject_rate_parts: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="Over how many of the last parts the share of rejects is taken. There is no "
        "such alarm before as many parts were seen.",
    )
    clear_after: PositiveInt = Field(
        default=5,
        description="So many other parts in a row clear an alarm on rejects or faults in a row.",
    )
