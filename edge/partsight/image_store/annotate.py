"""A frame for people: what was made of it, written below it, and where, drawn on it.

Enters: a frame and its verdict. Leaves: a smaller picture. Called by the store's thread.
"""

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

# Enough to see what the map points at; colouring takes a dozen bytes a pixel meanwhile.
_LONGEST_SIDE = 960
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# OpenCV's font is some 22 pixels high at scale 1; lines stand 1.6 of that apart.
_LINE_PX = 36
_MARGIN_PX = 12
# Below these nobody can read it: the band is wider than a small frame, a long line is cut off.
_LEAST_WIDTH = 640
_LEAST_SCALE = 0.4
_WHITE = (255, 255, 255)
_COLOURS_BGR = {
    Verdict.ACCEPT: (60, 120, 20),
    Verdict.REJECT: (30, 30, 170),
    Verdict.REVIEW: (10, 105, 180),
}


def annotation(result: PartResult) -> tuple[str, ...]:
    """The lines that are written below a part's frame, in ASCII, which is all the font has."""
    judged = result.prediction
    found = f"{judged.label} {judged.score:.3f}" if judged else result.error or "not judged"
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
    """Colour a frame by its heat map, and write the verdict, part and time below it.

    Below and not on it, since defects sit at edges.

    Args:
        image_bgr: uint8 (H, W, 3), the frame.
        result: the verdict that was given by it.
        spec: the preprocessing that it was judged under; None leaves the map out.

    Returns:
        uint8 BGR: the frame at 960 pixels a side at most, and the band below it.
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
    """The scale at which a line is as wide as the picture."""
    (needed, _), _ = cv2.getTextSize(line, _FONT, 1.0, 1)
    return width / (needed + 2 * _MARGIN_PX)


def _ascii(text: str) -> str:
    """A text without accents, what else the font lacks as question marks."""
    bare = (each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return "".join(bare).encode("ascii", "replace").decode()
