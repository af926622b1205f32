"""Choice of the operating point, by the required recall of bad parts or by the costs of errors.

The scores come from the file that will be delivered, for images with known labels.
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
    "cheapest_threshold",
    "contrast_limit",
    "operating_point",
    "warn_of_false_rejects",
    "warn_of_low_contrast",
]

logger = logging.getLogger(__name__)

_MANY_FALSE_REJECTS = 0.5
# Share of good images that may have unusually low contrast, such as an image without a part.
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
        accept_labels: labels of good parts; without any, every verdict will be review.
        settings: used are ``target_recall``, or the costs and ``defect_rate``; and
            ``min_contrast``.
        true: int (N,), index of each image's label.
        scores: float (N, K), probabilities.
        contrasts: float (N,), see ``Prediction.contrast``; None if they were not measured.
    """
    chosen = _chosen(labels, accept_labels, settings, true, scores)
    limit = settings.min_contrast
    if limit is None:
        good = np.isin(true, [labels.index(label) for label in accept_labels])
        limit = contrast_limit(contrasts[good] if contrasts is not None else np.empty(0))
    return dataclasses.replace(chosen, min_contrast=limit)


def contrast_limit(contrasts: NDArray[np.float64]) -> float:
    """Return the contrast below which an image is never accepted, for parts like these.

    Images of small parts on a plain background have little contrast: with the default limit, the
    verdict for all of them would be review. So the limit is at most half the contrast that 95 %
    of the good images have.

    Args:
        contrasts: float (N,), grey levels, of images of good parts outside the training split.

    Returns:
        Grey levels, 0 to ``DEFAULT_MIN_CONTRAST``.
    """
    if not len(contrasts):
        return DEFAULT_MIN_CONTRAST
    usual = float(np.quantile(contrasts, _UNUSUALLY_FLAT, method="lower"))
    return min(DEFAULT_MIN_CONTRAST, round(usual / 2, 1))


def warn_of_low_contrast(point: OperatingPoint, settings: TrainSettings) -> None:
    """Warn if good images have so little contrast that an empty image may be accepted."""
    if settings.min_contrast is None and point.min_contrast < DEFAULT_MIN_CONTRAST:
        logger.warning(
            "good images have little contrast, so the limit below which an image is never "
            "accepted is %g of 255 grey levels instead of %g: an image without a part may be "
            "accepted. Make the part fill the image, e.g. with --roi, or set --min-contrast",
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
    above = cheapest_threshold(
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


def cheapest_threshold(
    accept_scores: NDArray[np.float64],
    is_good: NDArray[np.bool_],
    cost_of_escapes: float,
    cost_of_false_rejects: float,
) -> float:
    """Return the ``accept_above`` with the lowest expected cost per part on these images.

    The cost is ``cost_of_escapes`` x the share of bad parts above the threshold +
    ``cost_of_false_rejects`` x the share of good parts at or below it. Among thresholds of equal
    cost, the highest is taken, which accepts the fewest bad parts. Thresholds lie half-way
    between scores, so that rounding does not change a verdict.

    Args:
        accept_scores: float (N,), the deciding score of each image, in [0, 1].
        is_good: bool (N,), whether the image shows a good part.
        cost_of_escapes: cost per part if all bad parts were accepted, in any unit: share of bad
            parts x cost of an escape.
        cost_of_false_rejects: cost per part if no good part were accepted, in the same unit.

    Returns:
        A threshold in [0, 1].
    """
    levels = np.unique(np.concatenate([[0.0, 1.0], accept_scores]))
    thresholds = np.append((levels[:-1] + levels[1:]) / 2, 1.0)
    accepted = accept_scores > thresholds[:, np.newaxis]
    bad, good = accepted[:, ~is_good], ~accepted[:, is_good]
    costs = cost_of_escapes * _means(bad) + cost_of_false_rejects * _means(good)
    return float(thresholds[::-1][costs[::-1].argmin()])


def warn_of_false_rejects(point: OperatingPoint) -> None:
    """Warn if the required recall leaves most good parts unaccepted."""
    if point.false_reject_rate is not None and point.false_reject_rate > _MANY_FALSE_REJECTS:
        logger.warning(
            "at the threshold that catches %.1f%% of the bad parts of the validation split, %.0f%% "
            "of its good parts are not accepted. Add images of the good parts with low scores, or "
            "lower --target-recall",
            100 * (point.recall or 0),
            100 * point.false_reject_rate,
        )


def _means(flags: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean of each row, or 0 for empty rows."""
    return np.asarray(flags.sum(axis=1) / max(1, flags.shape[1]), np.float64)


def _share(flags: NDArray[np.bool_]) -> float | None:
    return float(flags.mean()) if len(flags) else None
