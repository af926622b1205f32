"""What a line in order looks like, measured at training: what drift is told against.

Travels in the contract. Of good parts only: training folders hold as many bad parts as could be
had, a line makes few. How many it makes is not in here; ``[drift]`` of the device's configuration
says it.
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
    """Mean and standard deviation over pictures.

    Raises:
        ValueError: no finite numbers, or a negative deviation.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and 0 <= self.std < math.inf):
            raise ValueError(f"a spread must be finite, its std 0 or more. Received: {self}")


@dataclass(frozen=True, slots=True)
class Reference:
    """Good parts as the model file judged them, on pictures that it did not learn from.

    Attributes:
        pictures: how many good parts it is measured on.
        reject_rate: the share of them that was rejected.
        accept_score: the score that decides, of those that were not rejected.
        luma: see ``image_statistics``; of the picture that the network is fed, in bytes.
        contrast: as luma.

    Raises:
        ValueError: fewer than two pictures, or a rate or score out of [0, 1].
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
    """Mean and sample standard deviation of two values or more."""
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)))


def reference_from_document(document: object) -> Reference | None:
    """The reference of a parsed JSON document, checked; None where there is none.

    Raises:
        TypeError: a fact is missing, unknown, or of another type.
        ValueError: a fact is impossible.
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
        raise TypeError(f"reference must hold objects. Received: {value!r}")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"the numbers of a reference must be numbers. Received: {value!r}")
    return float(value)
