"""Training of the head by gradient descent with Keras, for optimizers with a learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.utils.progress import Progress
from partsight_train.heads.head import Examples, Head, class_weights
from partsight_train.heads.optimization import (
    EpochProgress,
    ValidationMeasures,
    early_stopping,
    learning_rate,
    make_optimizer,
)
from partsight_train.settings import HeadSettings
from partsight_train.tensorflow_stack import keras, tf

__all__ = ["gradient_descent"]

# Steps that TensorFlow runs without returning to Python.
_STEPS_AT_ONCE = 50


def gradient_descent(
    train: Examples,
    validation: Examples,
    count: int,
    settings: HeadSettings,
    *,
    bad: Sequence[int],
    log_dir: Path | None,
    checkpoint_dir: Path | None,
    progress: Progress,
) -> tuple[Head, list[dict[str, float]]]:
    """Take steps until the validation split no longer improves; keep the best weights.

    The arguments are those of ``fit_head``, with scaled features.

    Returns:
        The head, and losses and accuracies, one row per validation.
    """
    keras.utils.set_random_seed(settings.seed)
    steps, validations, interval = _plan(len(train.labels), settings)
    model, dense = _model(train.features.shape[1], count, settings)
    rate = learning_rate(settings.learning_rate, settings.schedule, settings.warmup_steps, steps)
    model.compile(
        make_optimizer(settings.optimizer, rate, settings.momentum),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        ["accuracy"],
        steps_per_execution=min(_STEPS_AT_ONCE, interval),
    )
    weights = class_weights(train.labels, count) if settings.balance == "class-weights" else None
    measures = ValidationMeasures(dense, validation, bad, settings)
    history = model.fit(
        _batches(train, count, validations * interval, settings),
        steps_per_epoch=interval,
        epochs=validations,
        verbose=0,
        class_weight=weights,
        callbacks=_callbacks(settings, validations, measures, log_dir, checkpoint_dir, progress),
    ).history
    rows = zip(*history.values(), strict=True)
    return Head(*dense.get_weights()), [dict(zip(history, row, strict=True)) for row in rows]


def _plan(examples: int, settings: HeadSettings) -> tuple[int, int, int]:
    """Return the number of steps, of validations, and of steps between two validations."""
    steps_per_epoch = math.ceil(examples / settings.batch_size)
    steps = settings.steps or settings.epochs * steps_per_epoch
    interval = min(steps, settings.eval_interval or steps_per_epoch)
    return steps, math.ceil(steps / interval), interval


def _model(features: int, count: int, settings: HeadSettings) -> tuple[Any, Any]:
    regularizer = keras.regularizers.L1L2(settings.l1, settings.l2)
    dense = keras.layers.Dense(count, "softmax", kernel_regularizer=regularizer, name="head")
    model = keras.Sequential([keras.Input((features,))])
    if settings.dropout:
        model.add(keras.layers.Dropout(settings.dropout))
    model.add(dense)
    return model, dense


def _batches(train: Examples, count: int, steps: int, settings: HeadSettings) -> Any:
    """Return ``steps`` batches; each gathers its rows by index."""
    features, targets = tf.constant(train.features), tf.one_hot(train.labels, count)
    rows = _rows(train.labels, count, steps * settings.batch_size, settings)
    batches = tf.data.Dataset.from_tensor_slices(rows.reshape(steps, settings.batch_size))
    return batches.map(
        lambda chosen: (tf.gather(features, chosen), tf.gather(targets, chosen))
    ).prefetch(2)


def _rows(
    labels: NDArray[np.intp], count: int, total: int, settings: HeadSettings
) -> NDArray[np.intp]:
    """Return row indices int (total,): shuffled epochs, or random rows with balanced labels."""
    generator = np.random.default_rng(settings.seed)
    if settings.balance != "sampling":
        epochs = [generator.permutation(len(labels)) for _ in range(-(-total // len(labels)))]
        return np.asarray(np.concatenate(epochs)[:total], np.intp)
    groups = [np.flatnonzero(labels == index) for index in range(count)]
    groups = [group for group in groups if len(group)]
    chosen = generator.integers(0, len(groups), total)
    places = generator.random(total)
    sizes = np.array([len(group) for group in groups])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    at = starts[chosen] + (places * sizes[chosen]).astype(np.intp)
    return np.asarray(np.concatenate(groups)[at], np.intp)


def _callbacks(
    settings: HeadSettings,
    validations: int,
    measures: ValidationMeasures,
    log_dir: Path | None,
    checkpoint_dir: Path | None,
    progress: Progress,
) -> list[Any]:
    """Return the callbacks in order: measures must exist before others show, use or log them."""
    callbacks: list[Any] = [
        measures,
        EpochProgress(progress, validations),
        early_stopping(settings, validations),
    ]
    if log_dir is not None:
        callbacks.append(keras.callbacks.TensorBoard(log_dir, write_graph=False))
    if checkpoint_dir is not None and settings.checkpoint_interval:
        path = str(checkpoint_dir / "head-{epoch:04d}-{batch:04d}.weights.h5")
        callbacks.append(
            keras.callbacks.ModelCheckpoint(
                path, save_weights_only=True, save_freq=settings.checkpoint_interval
            )
        )
    return callbacks
