"""Finding for images with almost no contrast: a lens cap, a lamp that was off, overexposure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.image.spec import DEFAULT_MIN_CONTRAST, PreprocessSpec
from partsight.image.statistics import grey_range
from partsight.utils.counts import counted
from partsight_train.data_check.findings import Finding, Severity
from partsight_train.fit.operating_point import contrast_limit

__all__ = ["flat"]


def flat(
    greys: Mapping[Path, NDArray[np.uint8]],
    good: Collection[Path] = (),
    min_contrast: float | None = None,
) -> Iterator[Finding]:
    """Yield a finding for the images that a model would never accept.

    Args:
        greys: path to uint8 (h, w), grey.
        good: images of good parts. If they have little contrast, training lowers the limit.
        min_contrast: the limit if it is given, in grey levels.
    """
    contrasts = {path: _contrast(grey) for path, grey in greys.items()}
    of_good = np.array([contrasts[path] for path in good if path in contrasts])
    limit = contrast_limit(of_good) if min_contrast is None else min_contrast
    is_usual = min_contrast is None and limit == DEFAULT_MIN_CONTRAST
    found = [path for path, contrast in contrasts.items() if contrast < limit]
    if found:
        step = "; if the parts do look like this, train with a lower --min-contrast" * is_usual
        yield Finding(
            "flat",
            Severity.WARNING,
            f"{counted(len(found), 'image')} with practically no contrast (below {limit:g} of 255 "
            "grey levels), such as a black frame: a model never accepts such an image, and nothing "
            f"can be learned from it. Remove such images{step}.",
            tuple((path,) for path in found),
        )
    low = [path for path, each in contrasts.items() if limit <= each < DEFAULT_MIN_CONTRAST]
    if low and min_contrast is None:
        yield Finding(
            "low contrast",
            Severity.NOTE,
            f"{counted(len(low), 'image')} with little contrast, below {DEFAULT_MIN_CONTRAST:g} of "
            "255 grey levels, and good parts are among them: training lowers the limit below which "
            f"an image is never accepted to about {limit:g}. Make the part fill the image, "
            "e.g. with --roi.",
            tuple((path,) for path in low),
        )


def _contrast(grey: NDArray[np.uint8]) -> float:
    height, width = grey.shape
    return grey_range(np.stack([grey] * 3, axis=2), PreprocessSpec(height, width))
