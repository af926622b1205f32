"""Assignment of parts to train, validation and test splits and to folds.

Pure functions: the input is the hash of each part, in [0, 1), with the labels of its images.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Mapping, Sequence

__all__ = ["Split", "assign_folds", "assign_splits"]

_Labels = frozenset[int]

# A label with this many parts has at least two in each split: a single part is no sample.
_ENOUGH_FOR_TWO = 10
# Smallest and largest number of parts of a label in a split, as multiples of its share.
_MIN_TIMES, _MAX_TIMES = 0.4, 1.5


class Split(str, enum.Enum):
    """Use of an image."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def assign_splits(
    labels_at: Mapping[float, _Labels], shares: Mapping[Split, float]
) -> dict[float, Split]:
    """Return the split of each part.

    Parts are ordered by hash: the lowest share goes to the first split, the next share to the
    second, the rest to train. A part keeps its split when parts are added, as long as every
    label has between 0.4 and 1.5 times its share in each split. A label with less (at least two
    parts, if it has ten or more) takes the next parts; a label with more gives its last parts
    back to train.

    Args:
        labels_at: hash of each part to the labels of its images.
        shares: share of each split except train, in (0, 1), in the order of assignment.
    """
    order = sorted(labels_at)
    ends, end = [], 0.0
    for split, share in shares.items():
        end += share
        ends.append((end, split))
    assigned = {
        part_hash: next((split for end, split in ends if part_hash < end), Split.TRAIN)
        for part_hash in order
    }
    counts = Counter(label for labels in labels_at.values() for label in labels)
    by_rarity = sorted(counts, key=lambda label: (counts[label], label))
    done: list[Split] = []
    for split in shares:
        limits = {}
        for label in by_rarity:
            part_hashes = [part_hash for part_hash in order if label in labels_at[part_hash]]
            limits[label] = _limits(part_hashes, assigned, split, done, shares)
            _fill(part_hashes, assigned, split, done, limits[label][0])
        _drain(labels_at, assigned, split, limits)
        done.append(split)
    return assigned


def assign_folds(labels_at: Mapping[float, _Labels], count: int) -> dict[float, int]:
    """Return the fold of each part, so that every fold has its share of every label.

    Parts with images of several labels are dealt first. Each part goes to the fold that has the
    fewest parts of its labels, so the parts of one label are dealt in the order of their hashes.
    """
    dealt: dict[int, list[int]] = {}
    folds = {}
    for part_hash in sorted(
        labels_at, key=lambda part_hash: (-len(labels_at[part_hash]), part_hash)
    ):
        tallies = [dealt.setdefault(label, [0] * count) for label in sorted(labels_at[part_hash])]
        fold = min(range(count), key=lambda each: sum(tally[each] for tally in tallies))
        folds[part_hash] = fold
        for tally in tallies:
            tally[fold] += 1
    return folds


def _limits(
    part_hashes: Sequence[float],
    assigned: Mapping[float, Split],
    split: Split,
    done: Sequence[Split],
    shares: Mapping[Split, float],
) -> tuple[int, int]:
    """Return the smallest and the largest number of parts of a label in a split."""
    total = len(part_hashes)
    all_shares = {**shares, Split.TRAIN: 1 - sum(shares.values())}
    enough = 1 if total < _ENOUGH_FOR_TWO else 2
    lows = {
        each: max(min(enough, total // len(all_shares)), math.floor(_MIN_TIMES * total * share))
        for each, share in all_shares.items()
    }
    left = total - sum(assigned[part_hash] in done for part_hash in part_hashes)
    others = sum(low for each, low in lows.items() if each is not split and each not in done)
    high = min(max(lows[split], math.ceil(_MAX_TIMES * total * shares[split])), left - others)
    return min(lows[split], max(0, left - others)), max(0, high)


def _fill(
    part_hashes: Sequence[float],
    assigned: dict[float, Split],
    split: Split,
    done: Sequence[Split],
    low: int,
) -> None:
    missing = low - sum(assigned[part_hash] is split for part_hash in part_hashes)
    free = [part_hash for part_hash in part_hashes if assigned[part_hash] is not split]
    for part_hash in [each for each in free if assigned[each] not in done][: max(0, missing)]:
        assigned[part_hash] = split


def _drain(
    labels_at: Mapping[float, _Labels],
    assigned: dict[float, Split],
    split: Split,
    limits: Mapping[int, tuple[int, int]],
) -> None:
    """Return surplus parts of a label to train, unless another label would then have too few."""
    mine = sorted(part_hash for part_hash, each in assigned.items() if each is split)
    counts = Counter(label for part_hash in mine for label in labels_at[part_hash])
    for part_hash in reversed(mine):
        labels = labels_at[part_hash]
        too_much = any(counts[label] > limits[label][1] for label in labels)
        if too_much and all(counts[label] > limits[label][0] for label in labels):
            assigned[part_hash] = Split.TRAIN
            counts.subtract(labels)
