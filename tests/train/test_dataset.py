"""The split: stable, grouped by part, and complete for small labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.errors import DatasetError
from partsight_train.dataset import Dataset, Split, hash_place, limit_test, scan, split

NAMES = [f"part{index:04d}.jpg" for index in range(2000)]


def splits_of(dataset: Dataset) -> dict[str, Split]:
    return {picture.path.name: picture.split for picture in dataset.pictures}


def two_labels(names: Sequence[str], folder: str = "parts") -> Dataset:
    return split(
        {label: [Path(folder, label, name) for name in names] for label in ("bad", "good")}
    )


def make(folder: Path, layout: dict[str, list[str]]) -> Path:
    folder.mkdir()
    for label, names in layout.items():
        (folder / label).mkdir()
        for name in names:
            (folder / label / name).touch()
    return folder


def test_shares_are_about_a_tenth_each() -> None:
    dataset = two_labels(NAMES)
    for part in (Split.VALIDATION, Split.TEST):
        # Of 4,000 pictures a tenth, with a standard deviation of 19.
        assert abs(len(dataset.of(part)) - 400) < 5 * 19


def test_adding_pictures_moves_none() -> None:
    few, many = splits_of(two_labels(NAMES[:500])), splits_of(two_labels(NAMES))
    assert {name: many[name] for name in few} == few


def test_moving_the_folder_moves_none() -> None:
    assert splits_of(two_labels(NAMES, "here")) == splits_of(two_labels(NAMES, "/mnt/there"))


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="/_\0"), min_size=1),
    st.text("ab1.", max_size=9),
)
def test_shots_of_one_part_stay_together(part: str, shot: str) -> None:
    assert hash_place("good", f"{part}_nohash_{shot}") == hash_place("good", f"{part}_nohash_0.jpg")


def test_the_label_is_part_of_the_hash() -> None:
    assert hash_place("good", "part1.jpg") != hash_place("bad", "part1.jpg")


@pytest.mark.parametrize("count", [3, 4, 7, 12])
def test_a_small_label_has_a_part_in_each_split(count: int) -> None:
    dataset = two_labels(NAMES[:count])
    for part in Split:
        assert {picture.label for picture in dataset.of(part)} == {0, 1}


@pytest.mark.parametrize(
    ("validation", "test"), [(0.0, 0.1), (0.1, 0.0), (0.5, 0.5), (-0.1, 0.2), (0.9, 0.9)]
)
def test_shares_must_leave_some_to_train(validation: float, test: float) -> None:
    with pytest.raises(ValueError, match="Received"):
        split({"a": [], "b": []}, validation_share=validation, test_share=test)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({}, "two or more. Received: none"),
        ({"good": ["1.jpg"]}, "Received: \\['good'\\]"),
        ({"good": ["1.jpg"], ".hidden": ["2.jpg"]}, "Received: \\['good'\\]"),
        ({"good": ["1.jpg"], "bad": []}, "no pictures in .*bad"),
        ({"good": ["1.jpg"], "bad": ["notes.txt"]}, "no pictures in .*bad"),
        ({"good": ["1.jpg"], "b\nad": ["1.jpg"]}, "printable"),
        ({"good": ["1.jpg"], "b\udcffad": ["1.jpg"]}, "printable"),
    ],
)
def test_folders_that_cannot_be_trained_on(
    tmp_path: Path, layout: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        scan(make(tmp_path / "parts", layout))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        scan(tmp_path / "nowhere")


def test_too_few_parts_are_refused_also_when_shots_are_many() -> None:
    names = [f"part{part}_nohash_{shot}.jpg" for part in range(2) for shot in range(20)]
    with pytest.raises(DatasetError, match="has 2 parts"):
        two_labels(names)


@pytest.mark.parametrize(("most", "left"), [(None, None), (1, 1), (3, 3), (10**6, None)])
def test_at_most_so_many_are_tested_on(most: int | None, left: int | None) -> None:
    whole = two_labels(NAMES)
    some = limit_test(whole, most, seed=0)
    assert len(some.of(Split.TEST)) == (len(whole.of(Split.TEST)) if left is None else left)
    assert set(some.of(Split.TEST)) <= set(whole.of(Split.TEST))
    for part in (Split.TRAIN, Split.VALIDATION):
        assert some.of(part) == whole.of(part)
    assert some == limit_test(whole, most, seed=0)


def test_groups_join_parts() -> None:
    """A group takes along the other shots of its parts, and a group that shares a part."""
    found = {
        "good": [Path(f"g{part}_nohash_{shot}.jpg") for part in range(20) for shot in range(3)],
        "bad": [Path(f"b{part}.jpg") for part in range(20)],
    }
    good, bad = found["good"], found["bad"]
    groups = [[good[0], good[3]], [good[5], good[8], bad[4]]]
    joined = {*good[:9], bad[4]}
    places = {each.path: each.place for each in split(found, groups=groups).pictures}
    apart = {each.path: each.place for each in split(found).pictures}
    assert len({places[path] for path in joined}) == 1
    assert len(set(places.values())) == 40 - 3
    assert {path: place for path, place in places.items() if path not in joined} == {
        path: place for path, place in apart.items() if path not in joined
    }
