"""What a line in order will look like to a file: its reference for the drift watch.

Enters: the file's scores of the validation and the test split, which it did not learn from, and
the pictures. Leaves: a ``Reference``. Called for each variant, since each has scores of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from partsight.decide import OperatingPoint, accept_scores, verdicts
from partsight.evaluation.evaluate import ScoredPictures
from partsight.model.contract import Contract
from partsight.model.reference import Reference, spread_of
from partsight.picture.preprocess import preprocess
from partsight.picture.statistics import picture_statistics
from partsight.pictures import read_pictures
from partsight.records import Verdict

__all__ = ["reference_of"]

# Means over more pictures hardly move, and each has to be decoded once more.
_MOST_PICTURES = 200
# Of fewer, the mean itself is a third of a deviation off; better to learn from the line then.
_LEAST_PICTURES = 10


def reference_of(
    splits: Sequence[ScoredPictures], contract: Contract, point: OperatingPoint
) -> Reference | None:
    """Measure the good parts: a line makes mostly these, whatever the folders hold.

    Args:
        splits: what the very file says of pictures that it did not learn from.
        contract: of the file; its operating point is not looked at.
        point: the one that was chosen.

    Returns:
        None where there are too few good parts, or no label says which these are.
    """
    labels, accepted = contract.labels, point.accept_labels
    true = np.concatenate([split.true for split in splits])
    good = np.isin(true, [labels.index(label) for label in accepted])
    scores = np.concatenate([split.scores for split in splits])
    deciding = accept_scores(labels, scores[good], accepted)
    rejected = verdicts(deciding, point) == Verdict.REJECT.value
    if not accepted or (~rejected).sum() < _LEAST_PICTURES:
        return None
    paths = [path for split in splits for path in split.paths]
    paths = [path for path, is_good in zip(paths, good, strict=True) if is_good]
    # Evenly over all, since neighbours were often taken in one go.
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), _MOST_PICTURES)).astype(int)
    statistics = [
        picture_statistics(preprocess(picture, contract.preprocess))
        for _, picture in read_pictures((paths[index] for index in chosen), contract.preprocess)
        if isinstance(picture, np.ndarray)
    ]
    if len(statistics) < _LEAST_PICTURES:
        return None
    return Reference(
        pictures=len(paths),
        reject_rate=float(rejected.mean()),
        accept_score=spread_of(deciding[~rejected]),
        luma=spread_of([each.luma for each in statistics]),
        contrast=spread_of([each.contrast for each in statistics]),
    )
