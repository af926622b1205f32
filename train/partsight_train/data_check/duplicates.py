"""Pictures that are there twice, byte for byte or nearly.

Under two labels one of them is wrong. In two splits the test asks for what was learned.

Nearly: an exposure later, saved again, scaled. Candidates have nearly the same perceptual
hash (dHash: which neighbour is brighter, by the library imagehash). Plain surfaces share
hashes, so a candidate must also correlate in its texture: in what is left of the small grey
pictures when their slow changes, which are the light's, and their noise are taken away.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.cluster.hierarchy import DisjointSet

from partsight.opencv import cv2
from partsight_train.data_check.findings import Finding, Severity
from partsight_train.dataset import Dataset, LabelledPicture

__all__ = ["Pair", "duplicates", "groups", "near_pairs"]

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


def duplicates(
    dataset: Dataset, digests: Mapping[Path, bytes], greys: Mapping[Path, NDArray[np.uint8]]
) -> Iterator[Finding]:
    """Findings for exact and for near duplicates."""
    by_digest = defaultdict(list)
    for picture in (each for each in dataset.pictures if each.path in greys):
        by_digest[digests[picture.path]].append(picture)
    exact = [group for group in by_digest.values() if len(group) > 1]
    yield from _findings("duplicate", "the same file", exact)

    pictures = [group[0] for group in by_digest.values()]
    pairs = near_pairs(np.stack([greys[picture.path] for picture in pictures]))
    near = [[pictures[pair.first], pictures[pair.second]] for pair in pairs]
    yield from _findings("near duplicate", "nearly the same picture", near)


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


def _findings(
    kind: str, what: str, groups: Sequence[Sequence[LabelledPicture]]
) -> Iterator[Finding]:
    """Groups of duplicates by the harm that they do."""
    labels = [group for group in groups if len({picture.label for picture in group}) > 1]
    others = [group for group in groups if len({picture.label for picture in group}) == 1]
    splits = [group for group in others if len({picture.split for picture in group}) > 1]
    harmless = [group for group in others if len({picture.split for picture in group}) == 1]
    if labels:
        yield Finding(
            f"{kind} across labels",
            Severity.ERROR if kind == "duplicate" else Severity.WARNING,
            f"{_count(labels)} under different labels: {what}. At most one of the labels is "
            "right, or the difference is too small to see. Look at them.",
            _paths(labels),
        )
    if splits:
        yield Finding(
            f"{kind} across splits",
            Severity.WARNING,
            f"{_count(splits)} in different splits: {what}. Figures will flatter. Train with "
            "--group-near-duplicates, or name shots of a part PART_nohash_1.jpg and so on.",
            _paths(splits),
        )
    if harmless:
        yield Finding(
            kind, Severity.NOTE, f"{_count(harmless)} of one label and split.", _paths(harmless)
        )


def _count(groups: Sequence[Sequence[LabelledPicture]]) -> str:
    pictures = len(set(itertools.chain.from_iterable(groups)))
    return f"{pictures} pictures in {len(groups)} group{'s' if len(groups) > 1 else ''}"


def _paths(groups: Sequence[Sequence[LabelledPicture]]) -> tuple[tuple[Path, ...], ...]:
    return tuple(tuple(picture.path for picture in group) for group in groups)
