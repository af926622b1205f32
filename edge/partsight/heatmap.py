"""A model's class activation map, laid over the picture that it is of.

Enters: a picture, its prediction's map, and what the network sees of pictures. Leaves: a
picture for people. Called by ``partsight classify --heatmaps``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight.files import distinct_name, write_atomic
from partsight.inputs.base import Picture
from partsight.model.contract import Contract
from partsight.opencv import cv2
from partsight.picture.decode import decode
from partsight.picture.encode import encode, shrunk
from partsight.picture.preprocess import place, region
from partsight.picture.spec import PreprocessSpec
from partsight.records import PictureResult, Verdict

__all__ = ["overlay", "require_heatmap", "write_overlay"]

# Of the colour where the map is at its maximum; the part must still be seen below it.
_OPACITY = 0.6
# Of a written picture, pixels. The map has some dozens a side.
_LONGEST_SIDE = 1600
# In floating point a picture takes four times its memory, several times over.
_ROWS_AT_ONCE = 64


def overlay(
    image_bgr: NDArray[np.uint8], heatmap: NDArray[np.float32], spec: PreprocessSpec
) -> NDArray[np.uint8]:
    """Colour a picture where its map is above the map's mean.

    The colours tell where, the scores how much: they go from none at the mean to the
    strongest at the maximum, whatever these two are.

    Args:
        image_bgr: uint8 (H, W, 3), the whole picture.
        heatmap: float32 (h, w), see ``Contract.heatmap``; it covers what ``preprocess`` makes
            of the picture, bars and all. The bars do not count.
        spec: the preprocessing that the map was made under.

    Returns:
        uint8 (H, W, 3), BGR. What lies outside the region of interest is as it was.
    """
    covered = image_bgr.copy()
    seen = region(covered, spec)
    heat = _heat(heatmap, seen.shape[:2], spec)
    coloured = cv2.applyColorMap(np.round(255 * heat).astype(np.uint8), cv2.COLORMAP_JET)
    opacity = _OPACITY * heat[:, :, np.newaxis]
    for top in range(0, len(seen), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        towards = (coloured[rows] - seen[rows].astype(np.float32)) * opacity[rows]
        seen[rows] = np.round(seen[rows] + towards)
    return covered


def require_heatmap(contract: Contract) -> None:
    """Refuse a model that gives no map.

    Raises:
        ModelError: it gives none.
    """
    if contract.heatmap is None:
        raise ModelError(
            "the model gives no heat maps: expected a file that was exported with them, received "
            "one without. Export it with 'partsight export RUN_DIR --quantize int8 --heatmap'."
        )


def write_overlay(
    folder: Path, picture: Picture, result: PictureResult, spec: PreprocessSpec
) -> Path | None:
    """Write a picture's overlay as a JPEG of at most 1600 pixels a side, if it is worth a look.

    Args:
        folder: gets the file: the picture's name, and what tells it from others of that name.
        picture: that was judged.
        result: of a model that gives maps.
        spec: the model's preprocessing.

    Returns:
        The file; None where the part was accepted, or not judged.

    Raises:
        ImageError: the picture can no longer be read.
        OutputError: the file cannot be written.
    """
    prediction = result.prediction
    if prediction is None or prediction.heatmap is None or result.verdict is Verdict.ACCEPT:
        return None
    content = picture.content
    image = (
        content if isinstance(content, np.ndarray) else decode(content, bit_depth=spec.bit_depth)
    )
    covered = overlay(shrunk(image, _LONGEST_SIDE), prediction.heatmap, spec)
    destination = folder / distinct_name(result.path, ".jpg")
    write_atomic(destination, encode(covered))
    return destination


def _heat(
    heatmap: NDArray[np.float32], hw: tuple[int, ...], spec: PreprocessSpec
) -> NDArray[np.float32]:
    """The map over a region of these rows and columns: 0 up to its mean, 1 at its maximum."""
    whole = cv2.resize(heatmap, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR)
    top, left, height, width = place(hw, spec)
    inner = np.asarray(whole[top : top + height, left : left + width], np.float32)
    mean = inner.mean()
    span = max(inner.max() - mean, np.finfo(np.float32).eps)
    heat = np.clip((inner - mean) / span, 0, 1)
    return np.asarray(cv2.resize(heat, (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR), np.float32)
