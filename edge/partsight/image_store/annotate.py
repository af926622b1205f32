"""Draws an annotated copy of a frame: the heat map on it, verdict, part and time below it."""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray

from partsight.image.overlay import overlay
from partsight.image.resize import shrink
from partsight.image.spec import PreprocessSpec
from partsight.records import PartResult, Verdict
from partsight.utils.opencv import cv2

__all__ = ["annotate", "annotation"]

# Enough to see the heat map; colouring takes a dozen bytes of memory per pixel.
_LONGEST_SIDE = 960
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# OpenCV's font is about 22 pixels high at scale 1; the line height is 1.6 times that.
_LINE_PX = 36
_MARGIN_PX = 12
# Smaller text cannot be read: the band is wider than a small frame, and long lines are cut off.
_LEAST_WIDTH = 640
_LEAST_SCALE = 0.4
_WHITE = (255, 255, 255)
_COLOURS_BGR = {
    Verdict.ACCEPT: (60, 120, 20),
    Verdict.REJECT: (30, 30, 170),
    Verdict.REVIEW: (10, 105, 180),
}


def annotation(result: PartResult) -> tuple[str, ...]:
    """Return the lines below a part's frame, in ASCII, as the font has no other characters."""
    prediction = result.prediction
    if prediction is not None:
        found = f"{prediction.label} {prediction.score:.3f}"
    else:
        found = result.error or "not inspected"
    part = result.trigger_event and result.trigger_event.part_id
    taken = result.captured_at.isoformat(" ", "milliseconds")
    lines = (
        f"{result.verdict.value.upper()}   {found}",
        f"part {part}   {taken}" if part else taken,
    )
    return tuple(map(_ascii, lines))


def annotate(
    image_bgr: NDArray[np.uint8], result: PartResult, spec: PreprocessSpec | None = None
) -> NDArray[np.uint8]:
    """Draw the heat map on a frame, and write the verdict, part and time below it.

    The text is below the frame and not on it, since defects may be at the edges.

    Args:
        image_bgr: uint8 (H, W, 3) BGR, the frame.
        result: the result for this frame.
        spec: preprocessing of the model; None leaves the heat map out.

    Returns:
        uint8 BGR: the frame, at most 960 pixels per side, and the band below it.
    """
    seen = shrink(image_bgr, _LONGEST_SIDE)
    heatmap = result.prediction.heatmap if result.prediction else None
    if heatmap is not None and spec is not None:
        seen = overlay(seen, heatmap, spec)
    return _with_band(seen, annotation(result), _COLOURS_BGR[result.verdict])


def _with_band(
    image_bgr: NDArray[np.uint8], lines: tuple[str, ...], colour_bgr: tuple[int, int, int]
) -> NDArray[np.uint8]:
    height, width = image_bgr.shape[:2]
    page_width = max(width, _LEAST_WIDTH)
    scale = max(_LEAST_SCALE, min(1.0, *(_fitting(line, page_width) for line in lines)))
    band = round(scale * (_LINE_PX * len(lines) + _MARGIN_PX))
    page = cv2.copyMakeBorder(
        image_bgr, 0, band, 0, page_width - width, cv2.BORDER_CONSTANT, value=colour_bgr
    )
    for number, line in enumerate(lines, 1):
        left_top = (round(scale * _MARGIN_PX), height + round(scale * _LINE_PX * number))
        cv2.putText(page, line, left_top, _FONT, scale, _WHITE, 1, cv2.LINE_AA)
    return np.asarray(page, np.uint8)


def _fitting(line: str, width: int) -> float:
    """Return the font scale at which a line is as wide as the image."""
    (needed, _), _ = cv2.getTextSize(line, _FONT, 1.0, 1)
    return width / (needed + 2 * _MARGIN_PX)


def _ascii(text: str) -> str:
    """Return a text without accents; other characters that the font lacks become ``?``."""
    bare = (each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return "".join(bare).encode("ascii", "replace").decode()
