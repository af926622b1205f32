"""Operating point: the thresholds of a model, and changes of them by hand."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from partsight.decision.good_names import is_good_name
from partsight.errors import ConfigError
from partsight.image.spec import DEFAULT_MIN_CONTRAST

__all__ = ["OperatingPoint", "default_accept_labels", "with_thresholds"]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The thresholds at which a model accepts and rejects.

    The deciding score is the sum of the scores of ``accept_labels``. Without accept labels it is
    unknown which parts are good, and every verdict is review.

    Attributes:
        accept_labels: the labels of good parts.
        accept_above: a part is accepted above this score, in [0, 1].
        reject_below: a part is rejected below this score; between the two the verdict is review.
        target_recall: share of bad parts not to be accepted, for which ``accept_above`` was
            chosen; None if it was set by hand.
        recall: share of bad parts not accepted, on the images it was chosen on.
        false_reject_rate: share of good parts not accepted, on the same images.
        min_contrast: an image with less contrast (see ``Prediction.contrast``) shows no part and
            gets the verdict review, whatever its scores. 0 switches this off.

    Raises:
        ValueError: thresholds out of range, or ``reject_below`` above ``accept_above``.
    """

    accept_labels: tuple[str, ...]
    accept_above: float = 0.5
    reject_below: float = 0.5
    target_recall: float | None = None
    recall: float | None = None
    false_reject_rate: float | None = None
    min_contrast: float = DEFAULT_MIN_CONTRAST

    def __post_init__(self) -> None:
        if not 0 <= self.min_contrast <= 255:
            raise ValueError(f"min_contrast must be 0 to 255. Received: {self.min_contrast}")
        if not 0 <= self.reject_below <= self.accept_above <= 1:
            raise ValueError(
                "thresholds must be 0 <= reject_below <= accept_above <= 1. "
                f"Received: {self.reject_below} and {self.accept_above}"
            )

    def in_words(self) -> str:
        """The thresholds in one line for people."""
        if not self.accept_labels:
            return "every verdict is review, since no label is known to be good"
        if self.reject_below == self.accept_above:
            return f"accept above {self.accept_above:.4f}, reject below it"
        return (
            f"accept above {self.accept_above:.4f}, reject below {self.reject_below:.4f}, "
            "review between"
        )


def with_thresholds(
    point: OperatingPoint,
    accept_above: float | None,
    reject_below: float | None,
    min_contrast: float | None = None,
    *,
    names: tuple[str, str] = ("decision.accept_above", "decision.reject_below"),
) -> OperatingPoint:
    """The operating point with thresholds set by hand.

    Rates that were measured with other thresholds are dropped.

    Args:
        point: of the model.
        accept_above: a score in [0, 1]; None keeps the model's.
        reject_below: a score in [0, 1]; None keeps the model's.
        min_contrast: grey levels, 0 to 255; None keeps the model's.
        names: of the two settings, as the user writes them.

    Raises:
        ConfigError: ``reject_below`` would be above ``accept_above``.
    """
    if min_contrast is not None:
        point = dataclasses.replace(point, min_contrast=min_contrast)
    if accept_above is None and reject_below is None:
        return point
    high = point.accept_above if accept_above is None else accept_above
    low = point.reject_below if reject_below is None else reject_below
    try:
        return OperatingPoint(point.accept_labels, high, low, min_contrast=point.min_contrast)
    except ValueError as error:
        origin = [
            "the model's" if given is None else "given" for given in (accept_above, reject_below)
        ]
        step = "Give both." if "the model's" in origin else "Lower one or raise the other."
        raise ConfigError(
            f"the thresholds do not fit together: expected {names[1]} to be at most {names[0]}. "
            f"Received: {names[0]} {high:g} ({origin[0]}) and {names[1]} {low:g} ({origin[1]}). "
            f"{step}"
        ) from error


def default_accept_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels whose names mean good parts, such as ``healthy`` or ``ok_front``."""
    return tuple(label for label in labels if is_good_name(label))
