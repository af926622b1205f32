"""Distribution of fine-tuning over processors."""

from __future__ import annotations

import logging
from typing import Any

from partsight_train.settings import FineTuneSettings
from partsight_train.tensorflow_stack import tf

__all__ = ["open_strategy"]

logger = logging.getLogger(__name__)


def open_strategy(settings: FineTuneSettings) -> Any:
    """Return the ``tf.distribute`` strategy; to be called before any other use of TensorFlow.

    Workers find each other through the variable ``TF_CONFIG``, as TensorFlow documents it.
    """
    if settings.mixed_precision:
        _mix_precision()
    if settings.distribute == "mirrored":
        return tf.distribute.MirroredStrategy()
    if settings.distribute == "multi-worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.get_strategy()


def _mix_precision() -> None:
    """Let TensorFlow rewrite graphs to float16 where safe; a SavedModel has no precision policy."""
    if tf.config.list_physical_devices("GPU"):
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision": True})
    else:
        logger.warning("no GPU found: --mixed-precision has no effect")
