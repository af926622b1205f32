"""What the network is to see of a picture: plain facts, which travel in the contract.

``preprocess`` carries them out. They stand apart because whoever only names them, such as
a command's options, shall not wait for OpenCV.
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

# Every cache, model and golden sample depends on the pixels that ``preprocess`` makes (and
# on the scaled JPEG decoding of ``decode``). A change that alters any of them raises this
# number; a model made under another one is refused.
PREPROCESS_VERSION = 1

# Grey levels of what the network sees, below which a picture shows no part. Flat frames with
# noise, a time stamp or a slight gradient have up to 9; the flattest of 1,961 real pictures of
# parts has 20 (see ``grey_range``).
DEFAULT_MIN_CONTRAST = 10.0

Fit = Literal["stretch", "letterbox"]
FITS: tuple[Fit, ...] = get_args(Fit)

MIN_BIT_DEPTH, MAX_BIT_DEPTH = 8, 16


@dataclass(frozen=True, slots=True)
class PreprocessSpec:
    """How pictures become the network's input.

    Attributes:
        height: rows of the network's input, pixels.
        width: columns of the network's input, pixels.
        version: the definition that the model was trained under.
        fit: stretch the picture to the size, or keep its proportions between grey bars.
        roi: the region of interest, (left, top, width, height) as shares of the
            picture's width and height; nothing outside it is seen. None is all of it.
        bit_depth: significant bits of files with 16 bits per sample, 8 to 16, the same for
            every image of the set that the model was trained on; None if it declares none:
            files with fewer than 16 are then refused, see ``undeclared_depth``. Files of 8 bits
            per sample are the same under each.

    Raises:
        ValueError: a size below 1, an unknown fit, a region that is empty or reaches
            beyond the picture, a bit depth that no file has, or a version that this
            partsight does not know.
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
    """The spec as JSON values; without a bit depth as versions before it wrote and read them."""
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
        "a region of interest must be (left, top, width, height), shares of the picture's "
        f"width and height that stay within it. Received: {roi!r}"
    )
