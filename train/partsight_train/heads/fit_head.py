"""Training of the head on feature vectors.

Enters: features and labels of the training and validation splits. Leaves: a ``Head``,
weights for raw features, whatever scaling was used to find them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.utils.progress import Progress, silent
from partsight_train.heads import lbfgs
from partsight_train.heads.head import Examples, Head, class_weights
from partsight_train.settings import HeadSettings

__all__ = ["FittedHead", "Scaling", "fit_head", "scaling_of"]

# Share of the mean standard deviation.
_LEAST_SCALE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """What is subtracted from each feature, and what it is divided by: float32 (D,) each."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """A head, and its losses and accuracies at each look at the validation split."""

    head: Head
    history: Sequence[Mapping[str, float]]


def fit_head(
    train: Examples,
    validation: Examples,
    count: int,
    settings: HeadSettings,
    *,
    blocks: Sequence[int] = (),
    bad: Sequence[int] = (),
    log_dir: Path | None = None,
    checkpoint_dir: Path | None = None,
    progress: Progress = silent,
) -> FittedHead:
    """Train a head, or one for each block of features.

    Args:
        train: what is fitted.
        validation: what decides when to stop, where steps are taken.
        count: K, the number of labels.
        settings: how.
        blocks: sizes of the blocks that the features consist of, as ``Backbone.blocks``; with
            none they are one.
        bad: indices of the labels of bad parts, for measures that need them.
        log_dir: where TensorBoard reads; None writes nothing.
        checkpoint_dir: where checkpoints go, if ``settings`` asks for them.
        progress: told of each look at the validation split.

    Returns:
        Weights for features as the backbone gives them, and the history; of blocks the head
        whose logits are the mean of theirs, and the first one's history.
    """
    parts = zip(_cut(train, blocks), _cut(validation, blocks), strict=True)
    fitted = []
    for number, (fed, watched) in enumerate(parts):
        folder = f"block-{number}" if number else ""
        fitted.append(
            _fit(
                fed,
                watched,
                count,
                settings,
                bad=bad,
                log_dir=None if log_dir is None else log_dir / folder,
                checkpoint_dir=None if checkpoint_dir is None else checkpoint_dir / folder,
                progress=progress,
            )
        )
    kernel = np.concatenate([each.head.kernel for each in fitted]) / len(fitted)
    bias = np.mean([each.head.bias for each in fitted], axis=0, dtype=np.float32)
    return FittedHead(Head(kernel, bias), fitted[0].history)


def _cut(examples: Examples, blocks: Sequence[int]) -> list[Examples]:
    parts = np.split(examples.features, np.cumsum(blocks)[:-1].astype(int), axis=1)
    return [Examples(part, examples.labels) for part in parts]


def _fit(
    train: Examples,
    validation: Examples,
    count: int,
    settings: HeadSettings,
    *,
    bad: Sequence[int],
    log_dir: Path | None,
    checkpoint_dir: Path | None,
    progress: Progress,
) -> FittedHead:
    """Train a head to the minimum of its loss, or step by step while validation improves.

    Features are centred and scaled for the optimizer's sake, and that is folded back: with
    z = (x - mean) / s, softmax(z W + b) = softmax(x (W / s) + b - mean (W / s)). A feature
    is scaled by its standard deviation, but none by less than a share of their mean:
    features that hardly change would get weights so large that the rest of the kernel has
    no steps left in int8.
    """
    scaling = scaling_of(train.features, settings)
    fed, watched = (
        Examples((part.features - scaling.mean) / scaling.scale, part.labels)
        for part in (train, validation)
    )
    if settings.optimizer == "lbfgs":
        # In the sum over all examples, weighting a label and drawing it more often are one.
        weights = None if settings.balance == "none" else class_weights(train.labels, count)
        head, history = lbfgs.minimum(fed, watched, count, settings, weights, progress)
        if log_dir is not None:
            from partsight_train.heads.curves import write_curves

            write_curves(log_dir, history)
    else:
        from partsight_train.heads.steps import descend

        head, history = descend(
            fed,
            watched,
            count,
            settings,
            bad=bad,
            log_dir=log_dir,
            checkpoint_dir=checkpoint_dir,
            progress=progress,
        )
    kernel = head.kernel / scaling.scale[:, np.newaxis]
    return FittedHead(Head(kernel, head.bias - scaling.mean @ kernel), history)


def scaling_of(features: NDArray[np.float32], settings: HeadSettings) -> Scaling:
    """The scaling that training features, float32 (N, D), ask for."""
    if not settings.scale_features:
        return Scaling(np.zeros_like(features[0]), np.ones_like(features[0]))
    deviation = features.std(axis=0)
    scale = np.maximum(deviation, _LEAST_SCALE * deviation.mean())
    return Scaling(features.mean(axis=0), scale)
