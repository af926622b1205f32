"""Summaries of images for data checks: size and a small grey version.

Summaries are cached, so that a second check of unchanged images decodes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ImageError
from partsight.image.decode import read_size
from partsight.image.preprocess import preprocess
from partsight.image.spec import PreprocessSpec
from partsight.image_files.read import read_images
from partsight.utils.opencv import cv2
from partsight.utils.progress import Progress, silent
from partsight_train.cache_dir import cache_dir
from partsight_train.data.feature_cache import open_cache

__all__ = ["SIDE", "ImageSummaries", "summarize_images"]

SIDE = 64
# To be changed with the content of a summary.
_IDENTITY = "look-1"


@dataclass(frozen=True, slots=True, eq=False)
class ImageSummaries:
    """Size and small grey version of images.

    Attributes:
        sizes: path to rows and columns of each file.
        greys: path to uint8 (SIDE, SIDE), stretched.
    """

    sizes: Mapping[Path, tuple[int, int]]
    greys: Mapping[Path, NDArray[np.uint8]]


def summarize_images(
    digests: Mapping[Path, bytes],
    progress: Progress = silent,
    *,
    bit_depth: int | None = None,
    cache: Path | None = None,
) -> ImageSummaries:
    """Return summaries of images; decode only those that are not in the cache.

    An image that cannot be decoded is left out.

    Args:
        digests: path to SHA-256 of each file.
        progress: reports each image to decode.
        bit_depth: see ``PreprocessSpec``.
        cache: folder of the cache; None for the default, see ``cache_dir``.
    """
    spec = PreprocessSpec(SIDE, SIDE, bit_depth=bit_depth)
    with open_cache(cache_dir(cache) / "looks", _IDENTITY, spec, 2 + SIDE * SIDE) as known:
        vectors, unknown = known.look_up(digests)
        new = {
            path: _vector(path, image, spec)
            for path, image in progress(read_images(unknown, spec), len(unknown))
            if not isinstance(image, ImageError)
        }
        known.put({digests[path]: vector for path, vector in new.items()})
    vectors.update(new)
    return ImageSummaries(
        {path: (int(vector[0]), int(vector[1])) for path, vector in vectors.items()},
        {path: vector[2:].reshape(SIDE, SIDE).astype(np.uint8) for path, vector in vectors.items()},
    )


def _vector(path: Path, image: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.float32]:
    """Return size and grey image as one vector, the format of the cache."""
    height, width = read_size(path)  # a JPEG may have been decoded at a reduced size
    grey = cv2.cvtColor(preprocess(image, spec), cv2.COLOR_RGB2GRAY)
    return np.concatenate([[height, width], np.ravel(grey)]).astype(np.float32)
