"""Findings for images that occur twice, as the same file or as near duplicates.

Under two labels, one of the labels is wrong. In two splits, the test measures on training images.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.image_files.part_names import SHOT_MARK
from partsight.utils.counts import counted
from partsight_train.data.dataset import Dataset, LabelledImage
from partsight_train.data.near_duplicates import near_pairs
from partsight_train.data_check.findings import Finding, Severity

__all__ = ["duplicates"]


def duplicates(
    dataset: Dataset, digests: Mapping[Path, bytes], greys: Mapping[Path, NDArray[np.uint8]]
) -> Iterator[Finding]:
    """Yield findings for exact and for near duplicates."""
    by_digest = defaultdict(list)
    for image in (each for each in dataset.images if each.path in greys):
        by_digest[digests[image.path]].append(image)
    exact = [group for group in by_digest.values() if len(group) > 1]
    yield from _findings("duplicate", "the same file", exact)

    images = [group[0] for group in by_digest.values()]
    pairs = near_pairs(np.stack([greys[image.path] for image in images]))
    near = [[images[pair.first], images[pair.second]] for pair in pairs]
    yield from _findings("near duplicate", "nearly the same image", near)


def _findings(
    kind: str, description: str, groups: Sequence[Sequence[LabelledImage]]
) -> Iterator[Finding]:
    """Yield findings for groups of duplicates, by their effect."""
    labels = [group for group in groups if len({image.label for image in group}) > 1]
    others = [group for group in groups if len({image.label for image in group}) == 1]
    splits = [group for group in others if len({image.split for image in group}) > 1]
    harmless = [group for group in others if len({image.split for image in group}) == 1]
    if labels:
        yield Finding(
            f"{kind} across labels",
            Severity.ERROR if kind == "duplicate" else Severity.WARNING,
            f"{_count(labels)} under different labels: {description}. At most one of the labels "
            "is right, or the difference is too small to see. Look at these images.",
            _paths(labels),
        )
    if splits:
        yield Finding(
            f"{kind} across splits",
            Severity.WARNING,
            f"{_count(splits)} in different splits: {description}. The figures will be too good. "
            "Train with --group-near-duplicates, or name the images of a part "
            f"PART{SHOT_MARK}1.jpg and so on.",
            _paths(splits),
        )
    if harmless:
        yield Finding(
            kind,
            Severity.NOTE,
            f"{_count(harmless)} with the same label and split: {description}.",
            _paths(harmless),
        )


def _count(groups: Sequence[Sequence[LabelledImage]]) -> str:
    images = len(set(itertools.chain.from_iterable(groups)))
    return f"{counted(images, 'image')} in {counted(len(groups), 'group')}"


def _paths(groups: Sequence[Sequence[LabelledImage]]) -> tuple[tuple[Path, ...], ...]:
    return tuple(tuple(image.path for image in group) for group in groups)
