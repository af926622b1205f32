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

__all__ = ["Examples", "Head", "fit_head", "predict"]


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
    z = (x - mean) / s, softmax(z W + b) = softmax(x (W / s) + b - mean (W / s)). One s
    serves all features: with one each, features that hardly change would get weights so
    large that the rest of the kernel has no steps left in int8.

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
    scale = train.features.std(axis=0).mean()
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
    kernel = kernel / scale
    return Head(kernel, bias - mean @ kernel)


def predict(head: Head, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities, float64 (N, K), of features float32 (N, D)."""
    logits = features.astype(np.float64) @ head.kernel + head.bias
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return scores
