"""The softmax head: one dense layer from feature vectors to labels.

Enters: features and labels of the training and validation splits. Leaves: a ``Head``,
weights for raw features, whatever scaling was used to find them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight_train.settings import HeadSettings
from partsight_train.tensorflow_stack import keras

__all__ = ["Examples", "Head", "calibrate", "fit_head", "predict"]

# Share of the mean standard deviation.
_LEAST_SCALE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Features float32 (N, D) and label indices int (N,) of one split."""

    features: NDArray[np.float32]
    labels: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A trained softmax layer: kernel float32 (D, K) and bias float32 (K,)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def fit_head(
    train: Examples, validation: Examples, count: int, settings: HeadSettings, log_dir: Path
) -> Head:
    """Train the head until the validation loss no longer falls; keep the best weights.

    Features are centred and scaled for the optimizer's sake, and that is folded back: with
    z = (x - mean) / s, softmax(z W + b) = softmax(x (W / s) + b - mean (W / s)). A feature
    is scaled by its standard deviation, but none by less than a share of their mean:
    features that hardly change would get weights so large that the rest of the kernel has
    no steps left in int8.

    Args:
        train: what is fitted.
        validation: what decides when to stop.
        count: K, the number of labels.
        settings: how.
        log_dir: where TensorBoard reads loss and accuracy of both, epoch by epoch.

    Returns:
        Weights for features as the backbone gives them.
    """
    keras.utils.set_random_seed(settings.seed)
    mean = train.features.mean(axis=0)
    deviation = train.features.std(axis=0)
    scale = np.maximum(deviation, _LEAST_SCALE * deviation.mean())
    dense = keras.layers.Dense(
        count, "softmax", kernel_regularizer=keras.regularizers.L2(settings.l2), name="head"
    )
    model = keras.Sequential([keras.Input(train.features.shape[1:]), dense])
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(
        (train.features - mean) / scale,
        train.labels,
        validation_data=((validation.features - mean) / scale, validation.labels),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(
                patience=settings.patience, restore_best_weights=True, start_from_epoch=5
            ),
            keras.callbacks.TensorBoard(log_dir, write_graph=False),
        ],
    )
    kernel, bias = dense.get_weights()
    kernel = kernel / scale[:, np.newaxis]
    return Head(kernel, bias - mean @ kernel)


def calibrate(head: Head, validation: Examples) -> tuple[Head, float]:
    """Soften scores that are surer than they are right: temperature scaling.

    Logits are divided by the temperature that makes the validation labels likeliest (C. Guo
    et al., "On Calibration of Modern Neural Networks", 2017), and the division is folded
    into the weights. No label changes, but a uint8 score, which ends at 255/256, can tell
    sure from surer, which thresholds need. It never sharpens: on a split without a mistake
    the likeliest temperature is zero.

    Returns:
        The calibrated head, and the temperature, from 1 up.
    """
    candidates = np.geomspace(1, 20, 400)
    temperature = float(min(candidates, key=lambda t: _loss(_divided(head, t), validation)))
    return _divided(head, temperature), temperature


def _divided(head: Head, temperature: float) -> Head:
    return Head(head.kernel / np.float32(temperature), head.bias / np.float32(temperature))


def _loss(head: Head, examples: Examples) -> float:
    """Mean negative log-likelihood of the labels."""
    scores = predict(head, examples.features)
    likelihood = scores[np.arange(len(examples.labels)), examples.labels]
    return float(-np.log(np.maximum(likelihood, np.finfo(np.float64).tiny)).mean())


def predict(head: Head, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities, float64 (N, K), of features float32 (N, D)."""
    logits = features.astype(np.float64) @ head.kernel + head.bias
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return scores
