"""Heat map files of a run over many images: ``partsight classify --heatmaps``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from partsight.errors import ModelError
from partsight.image.decode import decode
from partsight.image.encode import encode
from partsight.image.overlay import overlay
from partsight.image.resize import shrink
from partsight.image.spec import PreprocessSpec
from partsight.inputs.base import InputImage
from partsight.model.contract import Contract
from partsight.records import ImageResult, Verdict
from partsight.utils.files import distinct_name, write_atomic

__all__ = ["require_heatmap", "write_overlay"]

# Longest side of a written image, in pixels. The map has some dozens per side.
_LONGEST_SIDE = 1600


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
    folder: Path, input_image: InputImage, result: ImageResult, spec: PreprocessSpec
) -> Path | None:
    """Write a picture's overlay as a JPEG of at most 1600 pixels a side, if it is worth a look.

    Args:
        folder: gets the file: the picture's name, and what tells it from others of that name.
        input_image: the classified input.
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
    content = input_image.content
    image = (
        content if isinstance(content, np.ndarray) else decode(content, bit_depth=spec.bit_depth)
    )
    covered = overlay(shrink(image, _LONGEST_SIDE), prediction.heatmap, spec)
    destination = folder / distinct_name(result.path, ".jpg")
    write_atomic(destination, encode(covered))
    return destination
