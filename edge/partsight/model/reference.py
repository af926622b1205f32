"""Reference statistics of good parts, measured at training, for the detection of drift.

Part of the contract. Bad parts are left out, because their share in training folders is much higher
than on a line; the expected share is in ``[drift]`` of the device's configuration.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Reference",
    "Spread",
    "reference_from_document",
    "spread_of",
]


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation over images.

    Raises:
        ValueError: numbers that are not finite, or a negative deviation.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and 0 <= self.std < math.inf):
            raise ValueError(f"a spread must be finite, its std 0 or more. Received: {self}")


@dataclass(frozen=True, slots=True)
class Reference:
    """Statistics of good parts, from the model file on images it was not trained on.

    Attributes:
        pictures: number of good parts.
        reject_rate: share of them that was rejected.
        accept_score: deciding score of those that were not rejected.
        luma: brightness of the network's input, see ``image_statistics``.
        contrast: contrast of the network's input, see ``image_statistics``.

    Raises:
        ValueError: fewer than two images, or a rate or score out of [0, 1].
    """

    pictures: int
    reject_rate: float
    accept_score: Spread
    luma: Spread
    contrast: Spread

    def __post_init__(self) -> None:
        if type(self.pictures) is not int or self.pictures < 2:
            raise ValueError(f"a reference needs two pictures. Received: {self.pictures!r}")
        shares = {"reject_rate": self.reject_rate, "accept_score": self.accept_score.mean}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ValueError(f"the reference's {name} must be in [0, 1]. Received: {share!r}")


def spread_of(values: Sequence[float] | NDArray[np.float64]) -> Spread:
    """Mean and sample standard deviation of at least two values."""
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)))


def reference_from_document(document: object) -> Reference | None:
    """The reference in a parsed JSON document; None for None.

    Raises:
        TypeError: a key is missing or unknown, or its value has another type.
        ValueError: a value is invalid.
    """
    if document is None:
        return None
    facts = dict(_object(document))
    for name in ("accept_score", "luma", "contrast"):
        if name in facts:
            facts[name] = Spread(**{key: _number(v) for key, v in _object(facts[name]).items()})
    if "reject_rate" in facts:
        facts["reject_rate"] = _number(facts["reject_rate"])
    return Reference(**facts)


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"reference must consist of objects. Received: {value!r}")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"the numbers of a reference must be numbers. Received: {value!r}")
    return float(value)
