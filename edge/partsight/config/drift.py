"""``[drift]``: watch over differences between the line and the model's training."""

from __future__ import annotations

from pydantic import PositiveInt

from partsight.config.section import Section, key

__all__ = ["DriftConfig"]

# A line that rejects a larger share of its parts is hardly in order.
_PLAUSIBLE_REJECTS = 0.2


class DriftConfig(Section):
    """Watch over whether parts and images are still like those that the model was trained on."""

    enabled: bool = key(True, "Watch for drift. The alarms of [alarms] do not depend on it.")
    subgroup: int = key(50, "Parts per point of a control chart.", ge=5, le=10_000)
    expected_reject_rate: float = key(
        0.01,
        "Share of parts that are expected to be bad and rejected, without false rejects.",
        ge=0,
        lt=1,
    )
    tolerated_shift: float = key(
        0.5,
        "Standard deviations by which the mean score, brightness and contrast may move. 0 finds "
        "any shift, also harmless ones between training and line.",
        ge=0,
        le=10,
    )
    learn_parts: int = key(
        500,
        "If the model has no reference: number of first parts that serve as reference, each time "
        "that the line is started.",
        ge=50,
        le=1_000_000,
    )
    learn_max_reject_rate: float | None = key(
        None,
        "If more of the first parts are rejected, or less than half are accepted, learning starts "
        "again. Default: 0.2, or twice expected_reject_rate if that is more.",
        gt=0,
        le=1,
    )
    clear_after: PositiveInt = key(3, "Points in a row within the limits that clear an alarm.")

    @property
    def most_rejected(self) -> float:
        """Largest share of rejected parts, in [0, 1], with which a reference is learned."""
        if self.learn_max_reject_rate is not None:
            return self.learn_max_reject_rate
        return min(1.0, max(_PLAUSIBLE_REJECTS, 2 * self.expected_reject_rate))
