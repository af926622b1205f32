"""Keras objects for training the head and the backbone: schedules, optimizers, callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.evaluation.metrics import auc, precision_at_recall, recall_at_precision
from partsight.utils.progress import Progress
from partsight_train.heads.head import Examples, Head, loss_and_accuracy, predict
from partsight_train.settings import HeadSettings, KeepBest, OptimizerName, Schedule
from partsight_train.tensorflow_stack import keras

__all__ = [
    "EpochProgress",
    "ValidationMeasures",
    "early_stopping",
    "learning_rate",
    "make_optimizer",
]

_BETTER = {"loss": "min"}
# Earlier validations compare weights that have hardly changed.
_FIRST_VALIDATION = 5


def learning_rate(highest: float, schedule: Schedule, warmup_steps: int, steps: int) -> Any:
    """Return the learning rate by step: linear warm-up, then constant or half a cosine to 0."""
    if schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup_steps else highest,
            max(1, steps - warmup_steps),
            warmup_target=highest if warmup_steps else None,
            warmup_steps=warmup_steps,
        )
    if warmup_steps:
        return keras.optimizers.schedules.PolynomialDecay(0.0, warmup_steps, highest)
    return highest


def make_optimizer(name: OptimizerName, rate: Any, momentum: float) -> Any:
    """Return a Keras optimizer."""
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=momentum)
    return keras.optimizers.Adam(rate)


def early_stopping(settings: HeadSettings, validations: int) -> Any:
    """Return a callback that restores the best weights, and stops early if ``patience`` is set.

    Args:
        settings: the measure and the patience.
        validations: number of validations.
    """
    return keras.callbacks.EarlyStopping(
        f"val_{settings.keep_best}",
        mode=_BETTER.get(settings.keep_best, "max"),
        patience=settings.patience or validations,
        restore_best_weights=True,
        start_from_epoch=min(_FIRST_VALIDATION, validations - 1),
    )


class ValidationMeasures(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures a head on the validation split, in a fraction of the time that Keras needs."""

    def __init__(
        self, layer: Any, validation: Examples, bad: Sequence[int], settings: HeadSettings
    ) -> None:
        """Keep the layer and the data.

        Args:
            layer: the softmax layer that is being trained.
            validation: features for this layer, with their labels.
            bad: indices of the labels of bad parts.
            settings: the measure, and the number of images per validation.
        """
        super().__init__()
        self._layer, self._validation, self._bad = layer, validation, list(bad)
        self._settings = settings
        self._generator = np.random.default_rng(settings.seed)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Add the measures to the logs for later callbacks; called by Keras."""
        examples, settings = self._sample(), self._settings
        scores = predict(Head(*self._layer.get_weights()), examples.features)
        found = loss_and_accuracy(scores, examples.labels, "val_")
        if settings.keep_best not in ("loss", "accuracy"):
            is_bad = np.isin(examples.labels, self._bad)
            measure = _measure(settings.keep_best, settings.keep_best_at)
            value = measure(is_bad, scores[:, self._bad].sum(axis=1))
            found[f"val_{settings.keep_best}"] = np.nan if value is None else value
        if logs is not None:
            logs.update(found)

    def _sample(self) -> Examples:
        examples, size = self._validation, self._settings.validation_batch_size
        if size is None or size >= len(examples.labels):
            return examples
        return examples.take(self._generator.choice(len(examples.labels), size, replace=False))


def _measure(
    name: KeepBest, at: float
) -> Callable[[NDArray[np.bool_], NDArray[np.float64]], float | None]:
    if name == "auc":
        return auc
    chosen = precision_at_recall if name == "precision-at-recall" else recall_at_precision
    return lambda positive, score: chosen(positive, score, at)


class EpochProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """Progress bar with one step per epoch and the losses next to it."""

    def __init__(self, progress: Progress, epochs: int) -> None:
        super().__init__()
        self._text = ""
        self._epochs: Iterator[int] = iter(
            progress(range(epochs), epochs, show=lambda _: self._text)
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Advance the bar; called by Keras."""
        next(self._epochs, None)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the losses for the bar; called by Keras."""
        losses = logs or {}
        self._text = " ".join(
            f"{key} {losses[key]:.3f}" for key in ("loss", "val_loss") if key in losses
        )

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Complete the bar after early stopping; called by Keras."""
        for _ in self._epochs:
            pass
