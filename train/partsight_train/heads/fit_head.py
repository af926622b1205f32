"""Training of the head on feature vectors.

The weights of the returned head are for raw features, whatever scaling was used in training.
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

# Smallest divisor of a feature, as a share of the mean standard deviation.
_MIN_SCALE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Offset and divisor of each feature: float32 (D,) each."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """A head, and its losses and accuracies, one row per validation."""

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
        train: examples to fit.
        validation: examples that decide when to stop, for optimizers that take steps.
        count: K, the number of labels.
        settings: the settings of the head.
        blocks: sizes of the blocks that the features consist of, as ``Backbone.blocks``; empty
            for a single block.
        bad: indices of the labels of bad parts, for measures that need them.
        log_dir: folder for TensorBoard; None writes nothing.
        checkpoint_dir: folder for checkpoints, if set in ``settings``.
        progress: reports each validation.

    Returns:
        Weights for raw features, and the history. With several blocks, the head's logits are the
        mean of the blocks' logits, and the history is that of the first block.
    """
    by_block = zip(_by_block(train, blocks), _by_block(validation, blocks), strict=True)
    fitted = []
    for number, (block, block_validation) in enumerate(by_block):
        folder = f"block-{number}" if number else ""
        fitted.append(
            _fit(
                block,
                block_validation,
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


def _by_block(examples: Examples, blocks: Sequence[int]) -> list[Examples]:
    features = np.split(examples.features, np.cumsum(blocks)[:-1].astype(int), axis=1)
    return [Examples(block, examples.labels) for block in features]


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

    Features are centred and scaled for the optimizer, and the scaling is folded into the weights
    afterwards: with z = (x - mean) / s, softmax(z W + b) = softmax(x (W / s) + b - mean (W / s)).
    """
    scaling = scaling_of(train.features, settings)
    scaled, scaled_validation = (
        Examples((each.features - scaling.mean) / scaling.scale, each.labels)
        for each in (train, validation)
    )
    if settings.optimizer == "lbfgs":
        head, history = _by_lbfgs(scaled, scaled_validation, count, settings, log_dir, progress)
    else:
        from partsight_train.heads.gradient_descent import gradient_descent

        head, history = gradient_descent(
            scaled,
            scaled_validation,
            count,
            settings,
            bad=bad,
            log_dir=log_dir,
            checkpoint_dir=checkpoint_dir,
            progress=progress,
        )
    kernel = head.kernel / scaling.scale[:, np.newaxis]
    return FittedHead(Head(kernel, head.bias - scaling.mean @ kernel), history)


def _by_lbfgs(
    train: Examples,
    validation: Examples,
    count: int,
    settings: HeadSettings,
    log_dir: Path | None,
    progress: Progress,
) -> tuple[Head, list[dict[str, float]]]:
    # In a sum over all examples, sampling a label more often is the same as weighting it.
    weights = None if settings.balance == "none" else class_weights(train.labels, count)
    head, history = lbfgs.minimize_loss(train, validation, count, settings, weights, progress)
    if log_dir is not None:
        from partsight_train.heads.curves import write_curves

        write_curves(log_dir, history)
    return head, history


def scaling_of(features: NDArray[np.float32], settings: HeadSettings) -> Scaling:
    """Return the scaling of training features, float32 (N, D).

    A feature is divided by its standard deviation, but at least by a share of the mean deviation:
    almost constant features would get weights so large that int8 could not represent the rest of
    the kernel.
    """
    if not settings.scale_features:
        return Scaling(np.zeros_like(features[0]), np.ones_like(features[0]))
    deviation = features.std(axis=0)
    scale = np.maximum(deviation, _MIN_SCALE * deviation.mean())
    return Scaling(features.mean(axis=0), scale)
