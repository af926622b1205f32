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
    """Refuse a model without heat maps.

    Raises:
        ModelError: the model has no heat map output.
    """
    if contract.heatmap is None:
        raise ModelError(
            "the model has no heat map output: expected a file that was exported with heat maps. "
            "Export it with 'partsight export RUN_DIR --quantize int8 --heatmap'."
        )


def write_overlay(
    folder: Path, input_image: InputImage, result: ImageResult, spec: PreprocessSpec
) -> Path | None:
    """Write the heat map overlay of an image that was not accepted.

    The file is a JPEG of at most 1600 pixels per side.

    Args:
        folder: of the file, whose name is derived from the image's name.
        input_image: the classified input.
        result: its result, from a model with heat maps.
        spec: the model's preprocessing.

    Returns:
        The file, or None if the part was accepted or there is no prediction.

    Raises:
        ImageError: the image can no longer be read.
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
