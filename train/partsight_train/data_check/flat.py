"""Finding for images with almost no contrast: a lens cap, a lamp that was off, overexposure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.image.spec import DEFAULT_MIN_CONTRAST, PreprocessSpec
from partsight.image.statistics import grey_range
from partsight_train.data_check.findings import Finding, Severity

__all__ = ["flat"]


def flat(greys: Mapping[Path, NDArray[np.uint8]]) -> Iterator[Finding]:
    """Yield a finding for the images that a model would never accept.

    Args:
        greys: path to uint8 (h, w), grey.
    """
    found = [path for path, grey in greys.items() if _contrast(grey) < DEFAULT_MIN_CONTRAST]
    if found:
        yield Finding(
            "flat",
            Severity.WARNING,
            f"{len(found)} pictures have practically no contrast, like a black frame. A model "
            "never accepts such pictures, and nothing can be learned from them. Remove them; if "
            "the parts do look like this, train with a lower --min-contrast.",
            tuple((path,) for path in found),
        )


def _contrast(grey: NDArray[np.uint8]) -> float:
    height, width = grey.shape
    return grey_range(np.stack([grey] * 3, axis=2), PreprocessSpec(height, width))
