"""Splits and folds of parts: by hash, with a minimum for every label."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight_train.data.assignment import Split, assign_folds, assign_splits

SHARES = {Split.TEST: 0.1, Split.VALIDATION: 0.1}


def part_hashes(count: int, label: int = 0, seed: int = 0) -> dict[float, frozenset[int]]:
    generator = random.Random(f"{seed} {label}")
    return {generator.random(): frozenset([label]) for _ in range(count)}


def counts(assigned: dict[float, Split]) -> dict[Split, int]:
    return {split: sum(each is split for each in assigned.values()) for split in Split}


@given(st.integers(3, 60), st.integers(0, 10**6))
def test_each_label_has_parts_in_each_split_and_most_in_train(count: int, seed: int) -> None:
    found = counts(assign_splits(part_hashes(count, seed=seed), SHARES))

    least = 2 if count >= 10 else 1
    assert found[Split.TEST] >= least
    assert found[Split.VALIDATION] >= least
    assert found[Split.TRAIN] >= max(1, (count - 2) / 2)


@given(st.integers(3, 60), st.integers(0, 10**6), st.sampled_from([(0.4, 0.4), (0.45, 0.5)]))
def test_large_shares_leave_parts_to_train_on(
    count: int, seed: int, shares: tuple[float, float]
) -> None:
    test, validation = shares
    wanted = {Split.TEST: test, Split.VALIDATION: validation}

    assert min(counts(assign_splits(part_hashes(count, seed=seed), wanted)).values()) >= 1


@pytest.mark.parametrize("seed", range(5))
def test_adding_parts_moves_few_parts(seed: int) -> None:
    many = part_hashes(400, seed=seed)
    few = dict(list(many.items())[:40])

    before, after = assign_splits(few, SHARES), assign_splits(many, SHARES)

    assert sum(before[part_hash] is not after[part_hash] for part_hash in few) <= 6
    assert after == {
        part_hash: Split.TEST
        if part_hash < 0.1
        else Split.VALIDATION
        if part_hash < 0.2
        else Split.TRAIN
        for part_hash in many
    }


def test_a_part_with_two_labels_is_in_one_split_and_counts_for_both() -> None:
    labels_at = {0.01 * n: frozenset([0, 1]) for n in range(1, 6)}
    labels_at |= {0.3 + 0.01 * n: frozenset([n % 2]) for n in range(20)}

    found = assign_splits(labels_at, SHARES)

    for label in (0, 1):
        of_label = {
            part_hash: found[part_hash]
            for part_hash, labels in labels_at.items()
            if label in labels
        }
        assert min(counts(of_label).values()) >= 2


def test_only_the_requested_splits_are_filled() -> None:
    found = counts(assign_splits(part_hashes(30), {Split.VALIDATION: 0.1}))

    assert found[Split.TEST] == 0
    assert found[Split.VALIDATION] >= 2


@given(st.integers(2, 10), st.integers(2, 60), st.integers(0, 1000))
def test_folds_share_each_label(folds: int, count: int, seed: int) -> None:
    labels_at = {**part_hashes(count, 0, seed), **part_hashes(count + 7, 1, seed)}

    assigned = assign_folds(labels_at, folds)

    for label in (0, 1):
        sizes = [
            sum(
                assigned[part_hash] == fold
                for part_hash, mine in labels_at.items()
                if label in mine
            )
            for fold in range(folds)
        ]
        assert max(sizes) - min(sizes) <= 1


def test_parts_with_two_labels_are_spread_over_the_folds() -> None:
    labels_at = {0.01 * n: frozenset([0, 1]) for n in range(1, 11)}

    assigned = assign_folds(labels_at, 5)

    assert sorted(assigned.values()) == sorted(2 * list(range(5)))
