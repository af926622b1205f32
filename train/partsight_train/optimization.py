"""What training the head and training the backbone have in common, in Keras's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.metrics import auc, precision_at_recall, recall_at_precision
from partsight.progress import Progress
from partsight_train.head import Examples
from partsight_train.settings import HeadSettings, KeepBest, OptimizerName, Schedule
from partsight_train.tensorflow_stack import keras

__all__ = [
    "EpochProgress",
    "ValidationMeasure",
    "early_stopping",
    "learning_rate",
    "make_optimizer",
]

_BETTER = {"loss": "min"}
# The first looks rank weights that have hardly moved.
_FIRST_LOOK = 5


def learning_rate(highest: float, schedule: Schedule, warmup_steps: int, steps: int) -> Any:
    """The learning rate by step: a linear rise, then constant or half a cosine to zero."""
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
    """A Keras optimizer."""
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=momentum)
    return keras.optimizers.Adam(rate)


def early_stopping(settings: HeadSettings, looks: int) -> Any:
    """A callback that keeps the best weights, and stops where ``patience`` is set."""
    return keras.callbacks.EarlyStopping(
        f"val_{settings.keep_best}",
        mode=_BETTER.get(settings.keep_best, "max"),
        patience=settings.patience or looks,
        restore_best_weights=True,
        start_from_epoch=min(_FIRST_LOOK, looks - 1),
    )


class ValidationMeasure(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds a measure of bad against good parts that Keras's batchwise metrics only estimate."""

    def __init__(
        self,
        name: KeepBest,
        at: float,
        validation: Examples,
        bad: NDArray[np.intp],
        batch_size: int,
    ) -> None:
        """Prepare.

        Args:
            name: auc, precision-at-recall or recall-at-precision.
            at: the recall or precision that it is taken at.
            validation: inputs as the trained model takes them.
            bad: indices of the labels of bad parts.
            batch_size: pictures at once.
        """
        super().__init__()
        self._key, self._measure = f"val_{name}", _measure(name, at)
        self._validation, self._bad, self._batch_size = validation, bad, batch_size
        self._is_bad = np.isin(validation.labels, bad)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras; what is added here, later callbacks find."""
        scores = self.model.predict(self._validation.features, self._batch_size, verbose=0)
        value = self._measure(self._is_bad, scores[:, self._bad].sum(axis=1))
        if logs is not None:
            logs[self._key] = np.nan if value is None else value


def _measure(
    name: KeepBest, at: float
) -> Callable[[NDArray[np.bool_], NDArray[np.float64]], float | None]:
    if name == "auc":
        return auc
    chosen = precision_at_recall if name == "precision-at-recall" else recall_at_precision
    return lambda positive, score: chosen(positive, score, at)


class EpochProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """Moves a progress bar epoch by epoch, with the losses beside it."""

    def __init__(self, progress: Progress, epochs: int) -> None:
        super().__init__()
        self._text = ""
        self._moved: Iterator[int] = iter(
            progress(range(epochs), epochs, show=lambda _: self._text)
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        next(self._moved, None)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        losses = logs or {}
        self._text = " ".join(
            f"{key} {losses[key]:.3f}" for key in ("loss", "val_loss") if key in losses
        )

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Called by Keras; early stopping leaves the bar where it is."""
        for _ in self._moved:
            pass
