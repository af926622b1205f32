"""What training the head and training the backbone have in common, in Keras's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.evaluation.metrics import auc, precision_at_recall, recall_at_precision
from partsight.utils.progress import Progress
from partsight_train.heads.head import Examples, Head, measures, predict
from partsight_train.settings import HeadSettings, KeepBest, OptimizerName, Schedule
from partsight_train.tensorflow_stack import keras

__all__ = [
    "EpochProgress",
    "ValidationLook",
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


class ValidationLook(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures a head on the validation split, in a fraction of the time of Keras's own way."""

    def __init__(
        self, layer: Any, validation: Examples, bad: Sequence[int], settings: HeadSettings
    ) -> None:
        """Prepare.

        Args:
            layer: the softmax layer that is trained.
            validation: features as the layer takes them, with their labels.
            bad: indices of the labels of bad parts.
            settings: name the measure, and say at how many pictures to look.
        """
        super().__init__()
        self._layer, self._validation, self._bad = layer, validation, list(bad)
        self._settings = settings
        self._generator = np.random.default_rng(settings.seed)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras; what is added here, later callbacks find."""
        seen, settings = self._validation, self._settings
        some = settings.validation_batch_size
        if some is not None and some < len(seen.labels):
            seen = seen.take(self._generator.choice(len(seen.labels), some, replace=False))
        scores = predict(Head(*self._layer.get_weights()), seen.features)
        found = measures(scores, seen.labels, "val_")
        if settings.keep_best not in ("loss", "accuracy"):
            is_bad = np.isin(seen.labels, self._bad)
            measure = _measure(settings.keep_best, settings.keep_best_at)
            value = measure(is_bad, scores[:, self._bad].sum(axis=1))
            found[f"val_{settings.keep_best}"] = np.nan if value is None else value
        if logs is not None:
            logs.update(found)


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
