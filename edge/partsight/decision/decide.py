"""From scores and contrast to a verdict: pure, and the only place where thresholds act."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.decision.good_names import is_good_name
from partsight.errors import ConfigError
from partsight.image.spec import DEFAULT_MIN_CONTRAST
from partsight.records import Prediction, Verdict

__all__ = [
    "OperatingPoint",
    "accept_score",
    "accept_scores",
    "choose_operating_point",
    "decide",
    "default_accept_labels",
    "is_flat",
    "reason",
    "verdicts",
    "with_thresholds",
    "worst_tile",
]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Where on its scores a model accepts and rejects.

    The score that decides is the sum of the scores of ``accept_labels``. With none,
    nothing says which parts are good, and every verdict is review.

    Attributes:
        accept_labels: the labels of good parts.
        accept_above: a part is accepted above this score, in [0, 1].
        reject_below: a part is rejected below this score; between the two, a person looks.
        target_recall: the share of bad parts to be kept from acceptance that
            ``accept_above`` was chosen for; None when it was set by hand.
        recall: the share that was, on the pictures it was chosen on.
        false_reject_rate: the share of good parts not accepted on the same pictures.
        min_contrast: a picture with less contrast (see ``Prediction.contrast``) shows no part:
            its verdict is review, whatever its scores. 0 switches this off.

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
        """How scores become verdicts, in one line for people."""
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
    """A point with thresholds set by hand; None leaves one as it is.

    Rates measured at the former thresholds are dropped.

    Args:
        point: the model's own.
        accept_above: a score in [0, 1], or None.
        reject_below: a score in [0, 1], or None.
        min_contrast: grey levels, 0 to 255, or None.
        names: of the two settings, as the user spells them.

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
    """The labels whose names say that their parts are good, such as ``healthy`` or ``ok_front``."""
    return tuple(label for label in labels if is_good_name(label))


def accept_score(scores: Mapping[str, float], point: OperatingPoint) -> float:
    """The score that decides: the sum over the labels of good parts, at most 1.

    Quantized scores are each rounded, so that those of several labels can exceed 1.
    """
    return min(1.0, sum(scores[label] for label in point.accept_labels))


def is_flat(prediction: Prediction, point: OperatingPoint) -> bool:
    """Whether the picture has practically no contrast, so that its scores mean nothing."""
    return prediction.contrast is not None and prediction.contrast < point.min_contrast


def decide(prediction: Prediction, point: OperatingPoint) -> Verdict:
    """The verdict for one prediction."""
    if not point.accept_labels or is_flat(prediction, point):
        return Verdict.REVIEW
    score = accept_score(prediction.scores, point)
    if score > point.accept_above:
        return Verdict.ACCEPT
    return Verdict.REJECT if score < point.reject_below else Verdict.REVIEW


def reason(prediction: Prediction, point: OperatingPoint) -> str:
    """The reason for the verdict of ``decide``, in words."""
    if is_flat(prediction, point):
        return (
            f"the picture has practically no contrast: {prediction.contrast:.0f} of 255 grey "
            f"levels, at least {point.min_contrast:g} expected"
        )
    if not point.accept_labels:
        return "no label is known to mean a good part"
    score = accept_score(prediction.scores, point)
    good = " + ".join(point.accept_labels)
    verdict = decide(prediction, point)
    if verdict is Verdict.ACCEPT:
        return f"{good} {score:.3f} is above {point.accept_above:.3f}"
    if verdict is Verdict.REJECT:
        return f"{good} {score:.3f} is below {point.reject_below:.3f}"
    return f"{good} {score:.3f} is not above {point.accept_above:.3f}"


def accept_scores(
    labels: tuple[str, ...], scores: NDArray[np.float64], accept_labels: tuple[str, ...]
) -> NDArray[np.float64]:
    """``accept_score`` of many pictures.

    Args:
        labels: K names, in the order of the columns of ``scores``.
        scores: float (N, K), probabilities.
        accept_labels: the labels of good parts.

    Returns:
        float (N,), in [0, 1].
    """
    good = [labels.index(label) for label in accept_labels]
    together: NDArray[np.float64] = np.minimum(1.0, scores[:, good].sum(axis=1))
    return together


def worst_tile(
    labels: tuple[str, ...], scores: NDArray[np.float64], accept_labels: tuple[str, ...]
) -> int:
    """Which of a picture's T tiles, scores (T, K), looks least like a good part.

    Of a part that is good but for one spot, that spot is what it is worth.
    """
    return int(accept_scores(labels, scores, accept_labels).argmin())


def verdicts(
    accept_scores: NDArray[np.float64],
    point: OperatingPoint,
    contrasts: NDArray[np.float64] | None = None,
) -> NDArray[np.str_]:
    """``decide`` for many pictures.

    Args:
        accept_scores: float (N,), the deciding scores.
        point: the thresholds.
        contrasts: float (N,), see ``Prediction.contrast``; None where they were not measured.

    Returns:
        str (N,), the verdicts' texts.
    """
    if not point.accept_labels:
        return np.full(len(accept_scores), Verdict.REVIEW.value)
    below = np.where(accept_scores < point.reject_below, Verdict.REJECT.value, Verdict.REVIEW.value)
    given = np.where(accept_scores > point.accept_above, Verdict.ACCEPT.value, below)
    if contrasts is None:
        return given
    return np.where(contrasts < point.min_contrast, Verdict.REVIEW.value, given)


def choose_operating_point(
    accept_scores: NDArray[np.float64],
    is_good: NDArray[np.bool_],
    accept_labels: tuple[str, ...],
    target_recall: float,
) -> OperatingPoint:
    """Choose the lowest ``accept_above`` that keeps enough of the bad parts from acceptance.

    It is never under 0.5: no part is accepted that is likelier bad than good. Parts from
    0.5 up to it go to review.

    Args:
        accept_scores: float (N,), the deciding score of each picture, from the very
            file that will judge.
        is_good: bool (N,), whether the picture shows a good part.
        accept_labels: the labels of good parts.
        target_recall: share of bad parts that must not be accepted, in (0, 1].

    Returns:
        The point, with the recall and false reject rate that it has on these pictures;
        both None where there is no bad or no good part to measure on.
    """
    accept_scores = np.minimum(accept_scores, 1.0)
    bad = np.sort(accept_scores[~is_good])[::-1]
    # This many bad parts may be accepted; the next one sets the barrier.
    escapes = int(np.floor(len(bad) * (1 - target_recall) + 1e-9))
    barrier = float(bad[escapes]) if escapes < len(bad) else 0.0
    above = accept_scores[is_good & (accept_scores > barrier)]
    # Half-way to the next good part, so that a last-bit difference turns no verdict.
    accept_above = max(0.5, (barrier + float(above.min(initial=1.0))) / 2)
    accepted = accept_scores > accept_above
    return OperatingPoint(
        accept_labels,
        accept_above,
        reject_below=0.5,
        target_recall=target_recall,
        recall=_share(~accepted[~is_good]),
        false_reject_rate=_share(~accepted[is_good]),
    )


def _share(flags: NDArray[np.bool_]) -> float | None:
    return float(flags.mean()) if len(flags) else None
