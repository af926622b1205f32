"""What a flatbuffer gives for picture files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from partsight.image.preprocess import preprocess
from partsight.image.spec import PreprocessSpec
from partsight.image_files.read import read_images
from partsight_train.data.dataset import LabelledImage
from partsight_train.data.extract import on_all_cores
from partsight_train.data.features import batches

__all__ = ["outputs_of"]


def outputs_of(
    flatbuffer: bytes, pictures: Sequence[LabelledImage], spec: PreprocessSpec
) -> NDArray[np.float32]:
    """Run a flatbuffer on pictures.

    Args:
        flatbuffer: takes float32 (1, H, W, 3), RGB in [0, 1], and gives float32 (1, X).
        pictures: N, all of which can be decoded.
        spec: the preprocessing of the network.

    Returns:
        float32 (N, X).
    """
    run = on_all_cores(flatbuffer)
    decoded = read_images((picture.path for picture in pictures), spec)
    fed = (preprocess(each, spec) for _, each in decoded if isinstance(each, np.ndarray))
    return np.concatenate([run(np.stack(batch)) for batch in batches(fed)])
