"""Training curves for TensorBoard, for training without Keras callbacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from partsight_train.tensorflow_stack import tf

__all__ = ["write_curves"]


def write_curves(log_dir: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write losses and accuracies under the names that Keras's callback uses.

    Args:
        log_dir: gets ``train/`` and ``validation/``.
        history: one row per iteration, with ``loss``, ``val_loss`` and similar keys.
    """
    for folder, prefix in (("train", ""), ("validation", "val_")):
        with tf.summary.create_file_writer(str(log_dir / folder)).as_default():
            for step, row in enumerate(history):
                for measure in ("loss", "accuracy"):
                    if prefix + measure in row:
                        tf.summary.scalar(f"epoch_{measure}", row[prefix + measure], step)
