"""Near duplicates among images.

Two exposures of one scene, saved again, scaled. Candidates have nearly the same perceptual
hash (dHash: which neighbour is brighter, by the library imagehash). Plain surfaces share
hashes, so a candidate must also correlate in its texture: in what is left of the small grey
pictures when their slow changes, which are the light's, and their noise are taken away.
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

__all__ = ["Pair", "groups", "near_pairs"]

_HASH_SIDE = 16
# Of 256 bits. Of all pairs with the texture of a duplicate, 95 in 100 were seen to differ in
# 15 bits at most among photographs of tiles, in 34 among those of screws.
_MOST_BITS = 34
_LEAST_CORRELATION = 0.95
# Pixels of the small picture: what is slower is light, what is faster is noise, and would
# tell shots apart that lie half a pixel beside each other.
_LIGHT, _NOISE = 4.0, 1.0
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, by their numbers, and how much alike their textures are, at most 1."""

    first: int
    second: int
    correlation: float


def groups(greys: Mapping[Path, NDArray[np.uint8]]) -> list[list[Path]]:
    """Pictures that are nearly the same, or nearly the same as one that is, and so on.

    Args:
        greys: path to uint8 (side, side).

    Returns:
        Groups of two or more, each picture in one at most.
    """
    paths = list(greys)
    alike = DisjointSet(paths)
    for pair in near_pairs(np.stack([greys[path] for path in paths])):
        alike.merge(paths[pair.first], paths[pair.second])
    return [sorted(group) for group in alike.subsets() if len(group) > 1]


def near_pairs(greys: NDArray[np.uint8]) -> list[Pair]:
    """All pairs of pictures that are nearly the same, the most alike first.

    Args:
        greys: uint8 (N, side, side).
    """
    textures = np.stack([_texture(grey) for grey in greys])
    signs = np.stack([_hash(grey) for grey in greys])
    pairs: list[Pair] = []
    for start in range(0, len(greys), _BLOCK):
        # Of vectors of ones and minus ones the product counts equal bits less different ones.
        product = signs[start : start + _BLOCK] @ signs[start:].T
        bits = (signs.shape[1] - product) / 2
        rows, columns = np.nonzero(np.triu(bits <= _MOST_BITS, 1))
        alike = np.einsum("nd,nd->n", textures[start + rows], textures[start + columns])
        pairs.extend(
            Pair(int(start + row), int(start + column), float(correlation))
            for row, column, correlation in zip(rows, columns, alike, strict=True)
            if correlation >= _LEAST_CORRELATION
        )
    return sorted(pairs, key=lambda pair: -pair.correlation)


def _hash(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    bits = imagehash.dhash(Image.fromarray(grey), _HASH_SIDE).hash
    return np.where(np.ravel(bits), 1, -1).astype(np.float32)


def _texture(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A vector of length 1; of length 0 for a picture without any."""
    pixels = grey.astype(np.float32)
    smooth, light = (cv2.GaussianBlur(pixels, (0, 0), width) for width in (_NOISE, _LIGHT))
    left = np.ravel(smooth - light)
    left = left - left.mean()
    return np.asarray(left / max(float(np.linalg.norm(left)), 1e-6), np.float32)
