"""``[drift]``: how closely it is watched whether the line is still what the model knows."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from partsight.config.section import Section

__all__ = ["DriftConfig"]


class DriftConfig(Section):
    """How closely it is watched whether parts and pictures are still what the model knows."""

    enabled: bool = Field(
        default=True,
        description="Whether drift is watched at all. The alarms of [alarms] do not depend on it.",
    )
    subgroup: int = Field(
        default=50, ge=5, le=10_000, description="Parts to a value of a control chart."
    )
    expected_reject_rate: float = Field(
        default=0.01,
        ge=0,
        lt=1,
        description="Share of bad parts that the line makes and the model rejects; what it rejects "
        "wrongly is known from training and comes on top.",
    )
    tolerated_shift: float = Field(
        default=0.5,
        ge=0,
        le=10,
        description="By how many standard deviations the mean score, brightness and contrast may "
        "move. 0 finds any shift, also those between training and line that harm nothing.",
    )
    learn_parts: int = Field(
        default=500,
        ge=50,
        le=1_000_000,
        description="Where the model carries no reference: so many first parts are taken for a "
        "line in order, each time that the line is started.",
    )
    learn_max_reject_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="A line that rejects a larger share of its parts, or accepts less than half, "
        "is not learned from: learning starts again. 0.2 if left out, or twice "
        "expected_reject_rate where that is more.",
    )
    clear_after: PositiveInt = Field(
        default=3, description="Subgroups in control that clear an alarm."
    )
