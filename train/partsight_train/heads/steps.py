"""The head's weights by gradient descent in steps, as Keras does it.

Called by ``fit_head`` for the optimizers that need a learning rate.
"""

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
    ValidationLook,
    early_stopping,
    learning_rate,
    make_optimizer,
)
from partsight_train.settings import HeadSettings
from partsight_train.tensorflow_stack import keras, tf

__all__ = ["descend"]

# Steps that TensorFlow runs without coming back to Python.
_STEPS_AT_ONCE = 50


def descend(
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
    """Take steps until the validation split no longer gets better; keep the best weights.

    The arguments are those of ``fit_head``, with features as the optimizer sees them.

    Returns:
        The head, and a row of losses and accuracies a look at the validation split.
    """
    keras.utils.set_random_seed(settings.seed)
    steps, looks, interval = _plan(len(train.labels), settings)
    model, dense = _model(train.features.shape[1], count, settings)
    rate = learning_rate(settings.learning_rate, settings.schedule, settings.warmup_steps, steps)
    model.compile(
        make_optimizer(settings.optimizer, rate, settings.momentum),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        ["accuracy"],
        steps_per_execution=min(_STEPS_AT_ONCE, interval),
    )
    weights = class_weights(train.labels, count) if settings.balance == "class-weights" else None
    look = ValidationLook(dense, validation, bad, settings)
    history = model.fit(
        _batches(train, count, looks * interval, settings),
        steps_per_epoch=interval,
        epochs=looks,
        verbose=0,
        class_weight=weights,
        callbacks=_callbacks(settings, looks, look, log_dir, checkpoint_dir, progress),
    ).history
    rows = zip(*history.values(), strict=True)
    return Head(*dense.get_weights()), [dict(zip(history, row, strict=True)) for row in rows]


def _plan(pictures: int, settings: HeadSettings) -> tuple[int, int, int]:
    """Steps in all, looks at the validation split, and steps between two looks."""
    a_pass = math.ceil(pictures / settings.batch_size)
    steps = settings.steps or settings.epochs * a_pass
    interval = min(steps, settings.eval_interval or a_pass)
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
    """As many batches as steps. Row numbers are dealt out, and rows gathered at once."""
    features, truth = tf.constant(train.features), tf.one_hot(train.labels, count)
    rows = _rows(train.labels, count, steps * settings.batch_size, settings)
    batches = tf.data.Dataset.from_tensor_slices(rows.reshape(steps, settings.batch_size))
    return batches.map(
        lambda chosen: (tf.gather(features, chosen), tf.gather(truth, chosen))
    ).prefetch(2)


def _rows(
    labels: NDArray[np.intp], count: int, total: int, settings: HeadSettings
) -> NDArray[np.intp]:
    """Row numbers int (total,): pass after pass in another order, or each label as often."""
    generator = np.random.default_rng(settings.seed)
    if settings.balance != "sampling":
        passes = [generator.permutation(len(labels)) for _ in range(-(-total // len(labels)))]
        return np.asarray(np.concatenate(passes)[:total], np.intp)
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
    looks: int,
    look: ValidationLook,
    log_dir: Path | None,
    checkpoint_dir: Path | None,
    progress: Progress,
) -> list[Any]:
    """In the order that they need: measures are added before they are shown, obeyed or logged."""
    callbacks: list[Any] = [look, EpochProgress(progress, looks)]
    callbacks.append(early_stopping(settings, looks))
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
