"""Warning if the steps of a file's scores are too coarse for the target recall.

A uint8 softmax has 256 scores, and most images get the lowest or the highest scores. Good parts
with the same score as a bad part that must be rejected are rejected too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.decision.choose import choose_operating_point
from partsight.decision.decide import accept_scores
from partsight.utils.counts import counted
from partsight_train.conversion.names import VariantName
from partsight_train.data.dataset import Split
from partsight_train.export.variant import ReferenceModel, Variant

__all__ = ["FewSteps", "few_steps", "warn_of_few_steps"]

logger = logging.getLogger(__name__)

# Share of the good parts that ties may cost without a warning.
_TOLERATED = 0.01


@dataclass(frozen=True, slots=True)
class FewSteps:
    """The cost of ties between good and bad parts.

    Attributes:
        recall: target share of bad parts that are not accepted.
        score: the score that bad and good parts share.
        tied: number of good parts that are not accepted because of the tie alone.
        false_rejects: share of good parts that the file does not accept.
        float_false_rejects: share of good parts that the float model does not accept at its own
            threshold.
    """

    recall: float
    score: float
    tied: int
    false_rejects: float
    float_false_rejects: float


def few_steps(
    float_scores: NDArray[np.float64],
    file_scores: NDArray[np.float64],
    is_good: NDArray[np.bool_],
    target_recall: float,
) -> FewSteps | None:
    """Find good parts that are not accepted because they share a score with a bad part.

    A good part is tied if it has exactly the score of the bad part that sets the threshold of the
    file, and the float model accepts it at its own threshold for the same recall.

    Args:
        float_scores: float (N,), deciding score of each image, from the float model.
        file_scores: float (N,), the same from the file.
        is_good: bool (N,), True for images of good parts.
        target_recall: share of bad parts that must not be accepted, in (0, 1].

    Returns:
        None if the false-reject rate of the file exceeds that of the float model by at most
        0.01, or would fall by at most 0.01 without the ties.
    """
    exact, coarse = (
        choose_operating_point(scores, is_good, (), target_recall)
        for scores in (float_scores, file_scores)
    )
    if exact.false_reject_rate is None or coarse.false_reject_rate is None or is_good.all():
        return None
    caught = file_scores[~is_good & (file_scores <= coarse.accept_above)]
    highest = float(caught.max(initial=0.0))
    tied = is_good & (file_scores == highest) & (float_scores > exact.accept_above)
    # A part that is more likely bad than good is not accepted, tied or not.
    count = int(tied.sum()) if highest >= 0.5 else 0
    by_ties = min(coarse.false_reject_rate - exact.false_reject_rate, count / int(is_good.sum()))
    if by_ties <= _TOLERATED:
        return None
    return FewSteps(
        target_recall, highest, count, coarse.false_reject_rate, exact.false_reject_rate
    )


def warn_of_few_steps(variant: VariantName, reference_model: ReferenceModel, file: Variant) -> None:
    """Log a warning if the steps of an int8 file cost good parts on the validation split."""
    labels, point = reference_model.draft.labels, file.contract.operating_point
    if variant != "int8" or not point.accept_labels or point.target_recall is None:
        return
    scored = file.on_validation
    by_float, by_file = (
        accept_scores(labels, scores, point.accept_labels)
        for scores in (reference_model.scores[Split.VALIDATION], scored.scores)
    )
    is_good = np.isin(scored.true, [labels.index(label) for label in point.accept_labels])
    found = few_steps(by_float, by_file, is_good, point.target_recall)
    if found is not None:
        logger.warning(
            "256 steps are too few for the scores of the int8 file: at the threshold that catches "
            "%.1f%% of the bad parts of the validation split, it does not accept %.1f%% of the "
            "good parts, the float model %.1f%%. The score %.4f is that of a "
            "bad part and of %s. Try partsight export RUN_DIR --quantize int8-float",
            100 * found.recall,
            100 * found.false_rejects,
            100 * found.float_false_rejects,
            found.score,
            counted(found.tied, "good part"),
        )
