"""Near duplicates: two exposures of one scene, or an image that was saved again or scaled.

Candidates have nearly the same perceptual hash (dHash: which of two neighbouring pixels is
brighter, by the library imagehash). Plain surfaces share hashes, so the textures of a candidate
pair must also correlate: the small grey images without slow changes (illumination) and noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.cluster.hierarchy import DisjointSet

from partsight.utils.opencv import cv2

__all__ = ["Pair", "duplicate_groups", "near_pairs"]

_HASH_SIDE = 16
# Of 256 bits. 95 % of the pairs with the texture of a duplicate differ in at most 15 bits among
# photographs of tiles, in at most 34 among photographs of screws.
_MAX_BITS = 34
_MIN_CORRELATION = 0.95
# Widths of Gaussian filters in pixels of the small image. Slower changes are illumination; faster
# ones are noise, which would separate two images with an offset of half a pixel.
_LIGHT, _NOISE = 4.0, 1.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Indices of two images and the correlation of their textures, at most 1."""

    first: int
    second: int
    correlation: float


def duplicate_groups(greys: Mapping[Path, NDArray[np.uint8]]) -> list[list[Path]]:
    """Return groups of near duplicates; an image joins a group if it resembles any member.

    Args:
        greys: path to uint8 (side, side).

    Returns:
        Groups of two or more images, each image in at most one group.
    """
    paths = list(greys)
    alike = DisjointSet(paths)
    for pair in near_pairs(np.stack([greys[path] for path in paths])):
        alike.merge(paths[pair.first], paths[pair.second])
    return [sorted(group) for group in alike.subsets() if len(group) > 1]


def near_pairs(greys: NDArray[np.uint8], *, block_size: int = 1024) -> list[Pair]:
    """Return all pairs of near duplicates, highest correlation first.

    Args:
        greys: uint8 (N, side, side).
        block_size: number of images that are compared at a time, to limit memory.
    """
    textures = np.stack([_texture(grey) for grey in greys])
    signs = np.stack([_hash(grey) for grey in greys])
    pairs: list[Pair] = []
    for start in range(0, len(greys), block_size):
        # For vectors of 1 and -1, the product is the number of equal bits minus different bits.
        product = signs[start : start + block_size] @ signs[start:].T
        bits = (signs.shape[1] - product) / 2
        rows, columns = np.nonzero(np.triu(bits <= _MAX_BITS, 1))
        alike = np.einsum("nd,nd->n", textures[start + rows], textures[start + columns])
        pairs.extend(
            Pair(int(start + row), int(start + column), float(correlation))
            for row, column, correlation in zip(rows, columns, alike, strict=True)
            if correlation >= _MIN_CORRELATION
        )
    return sorted(pairs, key=lambda pair: -pair.correlation)


def _hash(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    bits = imagehash.dhash(Image.fromarray(grey), _HASH_SIDE).hash
    return np.where(np.ravel(bits), 1, -1).astype(np.float32)


def _texture(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a vector of length 1, or of length 0 for an image without texture."""
    pixels = grey.astype(np.float32)
    smooth, light = (cv2.GaussianBlur(pixels, (0, 0), width) for width in (_NOISE, _LIGHT))
    texture = np.ravel(smooth - light)
    centred = texture - texture.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-6), np.float32)
