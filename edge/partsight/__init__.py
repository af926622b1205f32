"""partsight on the device: pictures and frames in, verdicts out, without TensorFlow.

Public are ``Classifier``, ``Prediction``, ``Verdict`` and ``PartsightError``; everything
else may move. The names are loaded on first use, so that ``partsight --help`` does not
wait for OpenCV and ``partsight doctor`` can report that OpenCV is broken.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partsight.classify import Classifier
    from partsight.errors import PartsightError
    from partsight.records import Prediction, Verdict

__all__ = ["Classifier", "PartsightError", "Prediction", "Verdict"]

_HOMES = {
    "Classifier": "partsight.classify",
    "PartsightError": "partsight.errors",
    "Prediction": "partsight.records",
    "Verdict": "partsight.records",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'partsight' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
