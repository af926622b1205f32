"""Finding for images to which a model that was trained without them gives another label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from partsight.utils.counts import counted
from partsight_train.data.dataset import Dataset
from partsight_train.data_check.findings import Finding, Severity
from partsight_train.fit.cross_validation import divide
from partsight_train.heads.fit_head import fit_head
from partsight_train.heads.head import Examples, predict
from partsight_train.settings import HeadSettings

__all__ = ["mislabelled", "suspects"]

_FOLDS = 5
# Enough iterations to rank images; full convergence takes three times as many.
_SETTINGS = HeadSettings(steps=30)


def mislabelled(dataset: Dataset, examples: Examples) -> Iterator[Finding]:
    """Yield a finding for the images of ``suspects``, by out-of-fold scores.

    Args:
        dataset: N images.
        examples: their features and labels.
    """
    folds = min(_FOLDS, _least_parts(dataset) // 2)
    if folds < 2:
        return
    scores = np.zeros((len(examples.labels), len(dataset.labels)))
    for fold in divide(dataset, folds):
        train, validation = examples.take(fold.train), examples.take(fold.validation)
        head = fit_head(train, validation, len(dataset.labels), _SETTINGS).head
        scores[fold.test] = predict(head, examples.features[fold.test])
    found = suspects(scores, examples.labels)
    if len(found):
        by_label = np.bincount(examples.labels[found], minlength=len(dataset.labels))
        named = zip(by_label, dataset.labels, strict=True)
        counts = ", ".join(f"{number} of {label}" for number, label in named if number)
        step = "Look at this image."
        if len(found) > 1:
            step = (
                "Look at these images: the first are most likely labelled wrongly, the last may "
                "only be difficult."
            )
        yield Finding(
            "mislabelled",
            Severity.WARNING,
            f"{counted(len(found), 'image')} that may be labelled wrongly ({counts}). {step}",
            tuple((dataset.images[row].path,) for row in found),
        )


def suspects(scores: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return images with scores that are typical of another label (confident learning).

    A label's threshold is the mean score that its own images have for it. An image is suspect if,
    among the labels whose threshold its score reaches, the one with the highest score is not its
    own (Northcutt, Jiang and Chuang, "Confident Learning", JAIR 70, 2021, eq. 1).

    Args:
        scores: out-of-fold probabilities, float64 (N, K).
        labels: int (N,), the given labels.

    Returns:
        Row indices int (M,), lowest score for their own label first.
    """
    own = scores[np.arange(len(labels)), labels]
    present = [label for label in range(scores.shape[1]) if (labels == label).any()]
    thresholds = np.full(scores.shape[1], np.inf)
    thresholds[present] = [own[labels == label].mean() for label in present]
    reached = np.where(scores >= thresholds, scores, -np.inf)
    best = reached.argmax(axis=1)
    suspect = np.flatnonzero(np.isfinite(reached.max(axis=1)) & (best != labels))
    return np.asarray(suspect[np.argsort(own[suspect], kind="stable")], np.intp)


def _least_parts(dataset: Dataset) -> int:
    parts = {(image.label, image.part_hash) for image in dataset.images}
    return int(np.bincount([label for label, _ in parts], minlength=len(dataset.labels)).min())
