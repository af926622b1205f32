"""The drift reference of a file: scores and image statistics of good parts.

It is measured on the validation and the test split, which the model was not trained on. Each
variant has its own reference because its scores differ.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import accept_scores, verdicts
from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.evaluate import ScoredImages
from partsight.image.preprocess import preprocess
from partsight.image.statistics import image_statistics
from partsight.image_files.read import read_images
from partsight.model.contract import Contract
from partsight.model.reference import Reference, spread_of
from partsight.records import Verdict
from partsight_train.settings import TrainSettings

__all__ = ["reference_document", "reference_of", "warn_of_no_reference"]

logger = logging.getLogger(__name__)

# More images hardly change the means, and each has to be decoded again.
_MOST_IMAGES = 200
# With fewer, the error of the mean is a third of a standard deviation or more; the line then
# measures a better reference.
_LEAST_IMAGES = 10


def reference_of(
    splits: Sequence[ScoredImages], contract: Contract, point: OperatingPoint
) -> Reference | None:
    """Measure the good parts: most parts of a line are good, whatever the folders contain.

    Args:
        splits: results of the file on images that the model was not trained on.
        contract: contract of the file; its operating point is ignored.
        point: the chosen operating point.

    Returns:
        None if there are too few good parts, or no label marks good parts.
    """
    labels, accepted = contract.labels, point.accept_labels
    good, deciding, rejected = _good_parts(splits, labels, point)
    if not accepted or (~rejected).sum() < _LEAST_IMAGES:
        return None
    paths = [path for split in splits for path in split.paths]
    paths = [path for path, is_good in zip(paths, good, strict=True) if is_good]
    # Spread evenly, because neighbours were often photographed together.
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), _MOST_IMAGES)).astype(int)
    statistics = [
        image_statistics(preprocess(image, contract.preprocess))
        for _, image in read_images((paths[index] for index in chosen), contract.preprocess)
        if isinstance(image, np.ndarray)
    ]
    if len(statistics) < _LEAST_IMAGES:
        return None
    return Reference(
        pictures=len(paths),
        reject_rate=float(rejected.mean()),
        accept_score=spread_of(deciding[~rejected]),
        luma=spread_of([each.luma for each in statistics]),
        contrast=spread_of([each.contrast for each in statistics]),
    )


def reference_document(
    splits: Sequence[ScoredImages], contract: Contract, settings: TrainSettings
) -> dict[str, Any]:
    """Describe the drift reference of a file for ``metrics.json`` and the report.

    Args:
        splits: results of the file on the validation and the test split.
        contract: contract of the file, with its operating point.
        settings: settings of the run; give the sizes of the two splits.

    Returns:
        ``reference``, whether the file has one; ``good_pictures``, the number that can be used;
        ``expected``, the least number; and ``problem``, why there is no reference and what to do
        about it, or None.
    """
    _, _, rejected = _good_parts(splits, contract.labels, contract.operating_point)
    usable, problem = int((~rejected).sum()), None
    if contract.reference is None:
        problem = _problem(usable, contract, settings)
    return {
        "reference": contract.reference is not None,
        "good_pictures": usable,
        "expected": _LEAST_IMAGES,
        "problem": problem,
    }


def warn_of_no_reference(
    splits: Sequence[ScoredImages], contract: Contract, settings: TrainSettings
) -> None:
    """Log a warning if a file has no drift reference; see ``reference_document``."""
    problem = reference_document(splits, contract, settings)["problem"]
    if problem is not None:
        logger.warning("%s", problem)


def _problem(usable: int, contract: Contract, settings: TrainSettings) -> str:
    if not contract.operating_point.accept_labels:
        why = "no label of good parts is known. Name these labels with --accept-label"
    else:
        share = settings.validation_share + settings.test_share
        enough = math.ceil(_LEAST_IMAGES / share)
        why = (
            f"expected {_LEAST_IMAGES} or more good images in the validation and test split "
            f"that can be read and are not rejected, received {usable}. Train on about {enough} "
            "good images or more, or raise --validation-share and --test-share"
        )
    return (
        f"the file has no drift reference: {why}. Without a reference, a line measures its own on "
        "the first parts after each start"
    )


def _good_parts(
    splits: Sequence[ScoredImages], labels: tuple[str, ...], point: OperatingPoint
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.bool_]]:
    """Return bool (N,), True for images of good parts; for these G images, the deciding
    scores float (G,), and bool (G,), True for rejected ones.
    """
    true = np.concatenate([split.true for split in splits])
    good = np.isin(true, [labels.index(label) for label in point.accept_labels])
    scores = np.concatenate([split.scores for split in splits])
    deciding = accept_scores(labels, scores[good], point.accept_labels)
    return good, deciding, verdicts(deciding, point) == Verdict.REJECT.value
