"""Parameters of the preprocessing, which are stored in the contract.

Apart from ``preprocess``, so that code that only needs the values does not load OpenCV.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

__all__ = [
    "DEFAULT_MIN_CONTRAST",
    "FITS",
    "MAX_BIT_DEPTH",
    "MIN_BIT_DEPTH",
    "PREPROCESS_VERSION",
    "Fit",
    "PreprocessSpec",
    "spec_to_document",
]

# Caches, models and golden samples depend on the pixels of ``preprocess`` and on the scaled JPEG
# decoding of ``decode``. A change that alters them raises this number; models with another number
# are refused.
PREPROCESS_VERSION = 1

# An input whose grey levels spread over less than this shows no part. Flat frames with noise, a
# time stamp or a slight gradient have up to 9; the flattest of 1,961 real images of parts has 20
# (see ``grey_range``).
DEFAULT_MIN_CONTRAST = 10.0

Fit = Literal["stretch", "letterbox"]
FITS: tuple[Fit, ...] = get_args(Fit)

MIN_BIT_DEPTH, MAX_BIT_DEPTH = 8, 16


@dataclass(frozen=True, slots=True)
class PreprocessSpec:
    """How images become the network's input.

    Attributes:
        height: rows of the network's input, pixels.
        width: columns of the network's input, pixels.
        version: of the preprocessing that the model was trained with.
        fit: stretch the image to the size, or letterbox: keep its proportions between grey bars.
        roi: region of interest, (left, top, width, height) as shares of the image's width and
            height; None means the whole image.
        bit_depth: significant bits of files with 16 bits per sample, 8 to 16, the same for the
            whole training set; None if the model declares none: files with fewer than 16 are then
            refused, see ``undeclared_depth``. It has no effect on files with 8 bits per sample.

    Raises:
        ValueError: a size below 1, an unknown fit, a region that is empty or exceeds the image, a
            bit depth out of range, or a version that this partsight does not know.
    """

    height: int
    width: int
    version: int = PREPROCESS_VERSION
    fit: Fit = "stretch"
    roi: tuple[float, float, float, float] | None = None
    bit_depth: int | None = None

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ValueError(f"fit must be one of {', '.join(FITS)}. Received: {self.fit!r}")
        if self.roi is not None:
            _check_roi(self.roi)
        depths = range(MIN_BIT_DEPTH, MAX_BIT_DEPTH + 1)
        if self.bit_depth is not None and (
            type(self.bit_depth) is not int or self.bit_depth not in depths
        ):
            raise ValueError(f"bit_depth must be 8 to 16. Received: {self.bit_depth!r}")
        if min(self.height, self.width) < 1:
            raise ValueError(f"preprocess size must be positive. Received: {self}")
        if self.version != PREPROCESS_VERSION:
            raise ValueError(
                f"preprocess version {self.version} is unknown here; this partsight has "
                f"version {PREPROCESS_VERSION}. Install the partsight that made the model."
            )


def spec_to_document(spec: PreprocessSpec) -> dict[str, Any]:
    """The spec as JSON values. Without a bit depth the key is left out, as in older versions."""
    document = dataclasses.asdict(spec)
    if spec.bit_depth is None:
        del document["bit_depth"]
    return document


def _check_roi(roi: tuple[float, float, float, float]) -> None:
    numbers = isinstance(roi, tuple) and all(isinstance(value, int | float) for value in roi)
    if numbers and len(roi) == 4:
        left, top, width, height = roi
        if min(left, top) >= 0 < min(width, height) and max(left + width, top + height) <= 1:
            return
    raise ValueError(
        "a region of interest must be (left, top, width, height), shares of the image's "
        f"width and height that stay within it. Received: {roi!r}"
    )
