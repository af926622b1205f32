"""Named sets of defaults for ``partsight train``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["PRESETS"]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # TensorFlow's retrain.py, which trains on features without scaling.
    "retrain": {
        "backbone": "inception-v3",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "steps": 4000,
        "eval_interval": 10,
        "patience": None,
        "batch_size": 100,
        "validation_batch_size": 100,
        "balance": "sampling",
        "l2": 0.0,
        "scale_features": False,
    }
}
