"""partsight on the device: verdicts on parts from images and frames, without TensorFlow.

Public are ``Classifier``, ``Prediction``, ``ImageResult``, ``Verdict`` and ``PartsightError``,
see docs/python.md; everything else may change. The names are loaded on first use, so that
``partsight --help`` does not load OpenCV and ``partsight doctor`` can report that it is broken.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partsight.api import Classifier
    from partsight.errors import PartsightError
    from partsight.records import ImageResult, Prediction, Verdict

__all__ = ["Classifier", "PartsightError", "ImageResult", "Prediction", "Verdict"]

_HOMES = {
    "Classifier": "partsight.api",
    "PartsightError": "partsight.errors",
    "ImageResult": "partsight.records",
    "Prediction": "partsight.records",
    "Verdict": "partsight.records",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'partsight' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
