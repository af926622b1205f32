"""Where to accept and to reject: by the wanted recall of bad parts, or by what errors cost.

Enters: scores of pictures whose labels are known, from the very file that will judge.
Leaves: an ``OperatingPoint``.
"""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
from numpy.typing import NDArray

from partsight.decision.choose import choose_operating_point
from partsight.decision.decide import accept_scores
from partsight.decision.operating_point import OperatingPoint
from partsight.image.spec import DEFAULT_MIN_CONTRAST
from partsight_train.settings import TrainSettings

__all__ = [
    "cheapest",
    "contrast_limit",
    "operating_point",
    "warn_of_false_rejects",
    "warn_of_low_contrast",
]

logger = logging.getLogger(__name__)

_MANY_FALSE_REJECTS = 0.5
# Share of good pictures that may be flatter than usual, such as one of an empty place.
_UNUSUALLY_FLAT = 0.05


def operating_point(
    labels: tuple[str, ...],
    accept_labels: tuple[str, ...],
    settings: TrainSettings,
    true: NDArray[np.intp],
    scores: NDArray[np.float64],
    contrasts: NDArray[np.float64] | None = None,
) -> OperatingPoint:
    """Choose the operating point for K labels, some of which are of good parts.

    Args:
        labels: K names, in the order of the columns of ``scores``.
        accept_labels: those of good parts; with none, every verdict will be review.
        settings: ``target_recall``, or the costs and ``defect_rate``; and ``min_contrast``.
        true: int (N,), index of each picture's label.
        scores: float (N, K), probabilities.
        contrasts: float (N,), see ``Prediction.contrast``; None where they were not measured.
    """
    chosen = _chosen(labels, accept_labels, settings, true, scores)
    limit = settings.min_contrast
    if limit is None:
        good = np.isin(true, [labels.index(label) for label in accept_labels])
        limit = contrast_limit(contrasts[good] if contrasts is not None else np.empty(0))
    return dataclasses.replace(chosen, min_contrast=limit)


def contrast_limit(contrasts: NDArray[np.float64]) -> float:
    """The contrast below which a picture is never accepted, for parts that look like these.

    Small parts on a plain background have little contrast of their own: the default would send
    all of them to review. So it is at most half of what all but 5 % of the good pictures have.

    Args:
        contrasts: float (N,), grey levels, of pictures of good parts that are not trained on.

    Returns:
        Grey levels, 0 to ``DEFAULT_MIN_CONTRAST``.
    """
    if not len(contrasts):
        return DEFAULT_MIN_CONTRAST
    usual = float(np.quantile(contrasts, _UNUSUALLY_FLAT, method="lower"))
    return min(DEFAULT_MIN_CONTRAST, round(usual / 2, 1))


def warn_of_low_contrast(point: OperatingPoint, settings: TrainSettings) -> None:
    """Warn when good pictures are so flat that an empty picture may be taken for one."""
    if settings.min_contrast is None and point.min_contrast < DEFAULT_MIN_CONTRAST:
        logger.warning(
            "good pictures have so little contrast that the limit below which a picture is never "
            "accepted is %g of 255 grey levels instead of %g: a picture without a part may be "
            "accepted. Let the part fill the picture, e.g. with --roi, or set --min-contrast",
            point.min_contrast,
            DEFAULT_MIN_CONTRAST,
        )


def _chosen(
    labels: tuple[str, ...],
    accept_labels: tuple[str, ...],
    settings: TrainSettings,
    true: NDArray[np.intp],
    scores: NDArray[np.float64],
) -> OperatingPoint:
    if not accept_labels:
        return OperatingPoint(accept_labels)
    is_good = np.isin(true, [labels.index(label) for label in accept_labels])
    deciding = accept_scores(labels, scores, accept_labels)
    if settings.cost_escape is None or settings.cost_false_reject is None:
        return choose_operating_point(deciding, is_good, accept_labels, settings.target_recall)
    rate = float((~is_good).mean()) if settings.defect_rate is None else settings.defect_rate
    above = cheapest(
        deciding, is_good, rate * settings.cost_escape, (1 - rate) * settings.cost_false_reject
    )
    accepted = deciding > above
    return OperatingPoint(
        accept_labels,
        above,
        reject_below=min(0.5, above),
        recall=_share(~accepted[~is_good]),
        false_reject_rate=_share(~accepted[is_good]),
    )


def cheapest(
    accept_scores: NDArray[np.float64],
    is_good: NDArray[np.bool_],
    cost_of_escapes: float,
    cost_of_false_rejects: float,
) -> float:
    """The ``accept_above`` with the least expected cost a part on these pictures.

    The cost is ``cost_of_escapes`` x the share of bad parts above the threshold +
    ``cost_of_false_rejects`` x the share of good parts at or below it. Of equally cheap
    thresholds the highest is taken, which lets the fewest bad parts through, and half-way
    to the next score, so that a last-bit difference turns no verdict.

    Args:
        accept_scores: float (N,), the deciding score of each picture, in [0, 1].
        is_good: bool (N,), whether the picture shows a good part.
        cost_of_escapes: of all bad parts accepted, in any unit: rate x cost of one.
        cost_of_false_rejects: of all good parts not accepted, in the same unit.

    Returns:
        In [0, 1].
    """
    levels = np.unique(np.concatenate([[0.0, 1.0], accept_scores]))
    thresholds = np.append((levels[:-1] + levels[1:]) / 2, 1.0)
    accepted = accept_scores > thresholds[:, np.newaxis]
    bad, good = accepted[:, ~is_good], ~accepted[:, is_good]
    costs = cost_of_escapes * _means(bad) + cost_of_false_rejects * _means(good)
    return float(thresholds[::-1][costs[::-1].argmin()])


def warn_of_false_rejects(point: OperatingPoint) -> None:
    """Say so where the price of a wanted recall is that hardly a part is accepted."""
    if point.false_reject_rate is not None and point.false_reject_rate > _MANY_FALSE_REJECTS:
        logger.warning(
            "to keep %.1f%% of the bad parts from acceptance, %.0f%% of the good parts are not "
            "accepted either; add pictures of what is mistaken, or lower --target-recall",
            100 * (point.recall or 0),
            100 * point.false_reject_rate,
        )


def _means(flags: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean of each row; 0 where there is nothing."""
    return np.asarray(flags.sum(axis=1) / max(1, flags.shape[1]), np.float64)


def _share(flags: NDArray[np.bool_]) -> float | None:
    return float(flags.mean()) if len(flags) else None
