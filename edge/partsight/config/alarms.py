"""``[alarms]``: alarms on the line's verdicts that need no reference."""

from __future__ import annotations

from pydantic import NonNegativeInt, PositiveInt

from partsight.config.section import Section, key

__all__ = ["AlarmsConfig"]


class AlarmsConfig(Section):
    """Alarms on the final verdicts of the line, including fail-safe ones.

    They need no drift reference, act from the first part on, and do not depend on drift.enabled.
    """

    rejects_in_a_row: NonNegativeInt = key(
        10, "Rejected parts in a row that raise an alarm; 0 is off."
    )
    faults_in_a_row: NonNegativeInt = key(
        5,
        "Parts in a row that were not inspected, or whose image has practically no contrast, that "
        "raise an alarm; 0 is off.",
    )
    reject_rate_above: float = key(
        0.3,
        "Share of rejects among the last reject_rate_parts above which an alarm is raised; it "
        "clears at four fifths of this share. 0 is off.",
        ge=0,
        lt=1,
    )
    reject_rate_parts: int = key(
        100,
        "Parts over which reject_rate_above is measured; no such alarm before there are as many.",
        ge=1,
        le=100_000,
    )
    clear_after: PositiveInt = key(
        5,
        "Parts in a row that clear an alarm of rejects_in_a_row (parts that are not rejected) or "
        "of faults_in_a_row (parts that are inspected).",
    )
