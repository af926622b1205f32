"""Findings for images that occur twice, as the same file or as near duplicates.

Under two labels, one of the labels is wrong. In two splits, the test measures what was trained on.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight_train.data.dataset import Dataset, LabelledImage
from partsight_train.data.near_duplicates import near_pairs
from partsight_train.data_check.findings import Finding, Severity

__all__ = ["duplicates"]


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


def _findings(kind: str, what: str, groups: Sequence[Sequence[LabelledImage]]) -> Iterator[Finding]:
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


def _count(groups: Sequence[Sequence[LabelledImage]]) -> str:
    pictures = len(set(itertools.chain.from_iterable(groups)))
    return f"{pictures} pictures in {len(groups)} group{'s' if len(groups) > 1 else ''}"


def _paths(groups: Sequence[Sequence[LabelledImage]]) -> tuple[tuple[Path, ...], ...]:
    return tuple(tuple(picture.path for picture in group) for group in groups)
