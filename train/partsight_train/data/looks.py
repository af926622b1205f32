"""What a picture looks like from afar: its size, and a small grey version of it.

Enters: picture files with their digests. Leaves: ``Looks``. They are kept in a cache, so
that a second check over unchanged pictures decodes none.
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

__all__ = ["SIDE", "Looks", "look_at"]

SIDE = 64
# Raised when what is kept of a picture changes.
_IDENTITY = "look-1"


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """How pictures look.

    Attributes:
        sizes: path to rows and columns of each file.
        greys: path to uint8 (SIDE, SIDE), stretched.
    """

    sizes: Mapping[Path, tuple[int, int]]
    greys: Mapping[Path, NDArray[np.uint8]]


def look_at(
    digests: Mapping[Path, bytes], progress: Progress = silent, *, bit_depth: int | None = None
) -> Looks:
    """Decode the pictures that were never looked at, and remember the others.

    A picture that cannot be decoded is left out.

    Args:
        digests: path to SHA-256 of each file.
        progress: told of each picture to decode.
        bit_depth: see ``PreprocessSpec``.
    """
    spec = PreprocessSpec(SIDE, SIDE, bit_depth=bit_depth)
    kept: dict[Path, NDArray[np.float32]] = {}
    with open_cache(cache_dir() / "looks", _IDENTITY, spec, 2 + SIDE * SIDE) as cache:
        for path, digest in digests.items():
            known = cache.get(digest)
            if known is not None:
                kept[path] = known
        new = [path for path in digests if path not in kept]
        fresh = {}
        for path, picture in progress(read_images(new, spec), len(new)):
            if not isinstance(picture, ImageError):
                fresh[path] = _vector(path, picture, spec)
        cache.put({digests[path]: vector for path, vector in fresh.items()})
    kept.update(fresh)
    return Looks(
        {path: (int(vector[0]), int(vector[1])) for path, vector in kept.items()},
        {path: vector[2:].reshape(SIDE, SIDE).astype(np.uint8) for path, vector in kept.items()},
    )


def _vector(path: Path, picture: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.float32]:
    """Size and grey picture in a row, as a cache keeps them."""
    height, width = read_size(path)  # JPEGs are decoded smaller than they are
    grey = cv2.cvtColor(preprocess(picture, spec), cv2.COLOR_RGB2GRAY)
    return np.concatenate([[height, width], np.ravel(grey)]).astype(np.float32)
