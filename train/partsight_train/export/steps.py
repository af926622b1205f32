"""Whether the steps of a file's scores are too coarse for the wanted recall.

A softmax of uint8 gives 256 scores, and most pictures get one of the outermost. Where a bad part
that must be kept out shares its score with good ones, they are kept out with it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.decision.choose import choose_operating_point
from partsight.decision.decide import accept_scores
from partsight_train.conversion.names import VariantName
from partsight_train.data.dataset import Split
from partsight_train.export.variant import ReferenceModel, Variant

__all__ = ["FewSteps", "few_steps", "warn_of_few_steps"]

logger = logging.getLogger(__name__)

# Of the good parts: what their ties may cost before it is worth a word.
_CLEARLY = 0.01


@dataclass(frozen=True, slots=True)
class FewSteps:
    """What ties cost.

    Attributes:
        recall: the share of bad parts to be kept out.
        score: that bad and good parts share.
        tied: how many good parts are not accepted for that alone.
        false_rejects: share of good parts that the file does not accept.
        float_false_rejects: that the float model would not accept at its own threshold.
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
    """Look for good parts that are not accepted for sharing a step with a bad one.

    Tied are those that have exactly the score of the bad part that sets the file's threshold,
    and that the float model accepts at the threshold of its own that keeps out as many bad ones.

    Args:
        float_scores: float (N,), the deciding score of each picture by the float model.
        file_scores: the same by the file.
        is_good: bool (N,), whether the picture shows a good part.
        target_recall: share of bad parts that must not be accepted, in (0, 1].

    Returns:
        None where the file's false-reject rate does not exceed the float model's, or without
        the ties would not fall, by more than a hundredth.
    """
    exact, coarse = (
        choose_operating_point(scores, is_good, (), target_recall)
        for scores in (float_scores, file_scores)
    )
    if exact.false_reject_rate is None or coarse.false_reject_rate is None or is_good.all():
        return None
    kept_out = file_scores[~is_good & (file_scores <= coarse.accept_above)]
    barrier = float(kept_out.max(initial=0.0))
    tied = is_good & (file_scores == barrier) & (float_scores > exact.accept_above)
    # A part that is likelier bad than good is not accepted, tied or not.
    count = int(tied.sum()) if barrier >= 0.5 else 0
    by_ties = min(coarse.false_reject_rate - exact.false_reject_rate, count / int(is_good.sum()))
    if by_ties <= _CLEARLY:
        return None
    return FewSteps(
        target_recall, barrier, count, coarse.false_reject_rate, exact.false_reject_rate
    )


def warn_of_few_steps(variant: VariantName, reference_model: ReferenceModel, file: Variant) -> None:
    """Say so where an int8 file's steps cost good parts on the validation split."""
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
            "256 steps are too few for the int8 file's scores: to keep %.1f%% of the bad parts "
            "from acceptance it rejects %.1f%% of the good ones, the float model %.1f%%; %d share "
            "the score %.4f with a bad one. Try partsight export RUN_DIR --quantize int8-float",
            100 * found.recall,
            100 * found.false_rejects,
            100 * found.float_false_rejects,
            found.tied,
            found.score,
        )
