"""Splits are stable, grouped by part, and complete for small labels."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.errors import DatasetError
from partsight_train.data.dataset import (
    Dataset,
    Split,
    assign_folds,
    limit_test,
    part_hash_of,
    scan,
    split,
)

NAMES = [f"part{index:04d}.jpg" for index in range(2000)]


def splits_of(dataset: Dataset) -> dict[str, Split]:
    return {image.path.name: image.split for image in dataset.images}


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
        # A tenth of 4,000 images, with a standard deviation of 19.
        assert abs(len(dataset.of(part)) - 400) < 5 * 19


def test_adding_images_moves_none() -> None:
    few, many = splits_of(two_labels(NAMES[:500])), splits_of(two_labels(NAMES))
    assert {name: many[name] for name in few} == few


def test_moving_the_folder_moves_none() -> None:
    assert splits_of(two_labels(NAMES, "here")) == splits_of(two_labels(NAMES, "/mnt/there"))


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="/_\0"), min_size=1),
    st.text("ab1.", max_size=9),
)
def test_images_of_one_part_stay_together(part: str, shot: str) -> None:
    assert part_hash_of("good", f"{part}_nohash_{shot}") == part_hash_of(
        "good", f"{part}_nohash_0.jpg"
    )


def test_the_label_is_part_of_the_hash() -> None:
    assert part_hash_of("good", "part1.jpg") != part_hash_of("bad", "part1.jpg")


@pytest.mark.parametrize("count", [3, 4, 7, 12])
def test_a_small_label_has_a_part_in_each_split(count: int) -> None:
    dataset = two_labels(NAMES[:count])
    for part in Split:
        assert {image.label for image in dataset.of(part)} == {0, 1}


@pytest.mark.parametrize(
    ("validation", "test"), [(0.0, 0.1), (0.1, 0.0), (0.5, 0.5), (-0.1, 0.2), (0.9, 0.9)]
)
def test_shares_that_leave_nothing_to_train_on_are_refused(validation: float, test: float) -> None:
    with pytest.raises(ValueError, match="Received"):
        split({"a": [], "b": []}, validation_share=validation, test_share=test)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({}, "two or more. Received: none"),
        ({"good": ["1.jpg"]}, "Received: \\['good'\\]"),
        ({"good": ["1.jpg"], ".hidden": ["2.jpg"]}, "Received: \\['good'\\]"),
        ({"good": ["1.jpg"], "bad": []}, "no images in .*bad"),
        ({"good": ["1.jpg"], "bad": ["notes.txt"]}, "no images in .*bad"),
        ({"good": ["1.jpg"], "b\nad": ["1.jpg"]}, "printable"),
        ({"good": ["1.jpg"], "b\udcffad": ["1.jpg"]}, "printable"),
    ],
)
def test_folders_that_cannot_be_trained_on_are_refused(
    tmp_path: Path, layout: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        scan(make(tmp_path / "parts", layout))


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def numbered(folder: str, count: int) -> list[str]:
    stem = folder.replace("/", "-")
    return [f"{folder}/{stem}{number}.png" for number in range(count)]


def by_split(dataset: Dataset, root: Path) -> dict[str, set[str]]:
    found = defaultdict(set)
    for each in dataset.images:
        found[each.split.value].add(each.path.parent.relative_to(root).as_posix())
    return dict(found)


def test_a_published_split_is_used(tmp_path: Path) -> None:
    folders = [f"{s}/{label}" for s in ("Train", "val", "test") for label in ("bad", "good")]
    tree(tmp_path, *(name for folder in folders for name in numbered(folder, 5)))

    scanned = scan(tmp_path)

    assert list(scanned.found) == ["bad", "good"]
    assert by_split(split(scanned), tmp_path) == {
        "train": {"Train/bad", "Train/good"},
        "validation": {"val/bad", "val/good"},
        "test": {"test/bad", "test/good"},
    }
    assert "already divided into train, validation, test, which are kept" in scanned.notes[0]


@pytest.mark.parametrize(("there", "missing"), [("test", "validation"), ("val", "test")])
def test_a_split_that_is_not_published_is_taken_from_train(
    tmp_path: Path, there: str, missing: str
) -> None:
    tree(tmp_path, *numbered("train/bad", 30), *numbered("train/good", 30))
    tree(tmp_path, *numbered(f"{there}/bad", 3), *numbered(f"{there}/good", 3))

    scanned = scan(tmp_path)
    dataset = split(scanned)

    assert by_split(dataset, tmp_path)[missing] == {"train/bad", "train/good"}
    for counts in dataset.counts().values():
        assert counts[missing] >= 2
        assert counts["train"] >= 20
    assert f"{missing} taken from train" in scanned.notes[0]


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (
            ["train/good", "test/good", "test/crack", "ground_truth/crack"],
            "no images of crack, only of good.* pass .*/test to 'partsight train'; "
            "to measure .* partsight evaluate MODEL .*/test",
        ),
        (
            ["val/a", "val/b", "test/a", "test/b"],
            "has no train split. .*received validation, test.* pass its folder: .*val or ",
        ),
        (["train/a", "train/b", "test/a", "test/c"], "no images of c, only of a, b"),
        (["parts/a", "parts/b"], "If its sub-folders are the labels, pass .*/parts"),
        (["train/a", "train/b"], "Pass .*/train instead"),
    ],
    ids=["MVTec", "no train", "a label only in test", "around the labels", "only train"],
)
def test_published_splits_that_cannot_be_trained_on_are_refused(
    tmp_path: Path, folders: list[str], message: str
) -> None:
    tree(tmp_path, *(name for folder in folders for name in numbered(folder, 4)))

    with pytest.raises(DatasetError, match=message):
        scan(tmp_path)


def test_repeated_names_in_published_splits_are_different_parts(tmp_path: Path) -> None:
    names = [
        f"{s}/{label}/{n:03}.png" for s in ("train", "test") for label in "ab" for n in range(9)
    ]
    tree(tmp_path, *names, *(f"{s}/a/p7_nohash_{s}.png" for s in ("train", "test")))

    assert split(scan(tmp_path)).part_counts() == {"a": 19, "b": 18}


VIEWS = ("top.jpg", "side.jpg")


def test_views_of_one_part_stay_together_in_splits_and_folds(tmp_path: Path) -> None:
    parts = [f"{label}/SN{label}{n}" for label in ("bad", "good") for n in range(40)]
    tree(tmp_path, *(f"{part}/{view}" for part in parts for view in VIEWS))

    scanned = scan(tmp_path)
    dataset = split(scanned)
    folds = assign_folds(dataset, 5)

    used, dealt = defaultdict(set), defaultdict(set)
    for image, fold in zip(dataset.images, folds, strict=True):
        used[image.path.parent].add(image.split)
        dealt[image.path.parent].add(fold)
    assert {len(each) for each in (*used.values(), *dealt.values())} == {1}
    assert dataset.part_counts() == {"bad": 40, "good": 40}
    assert [note for note in scanned.notes if "40 parts by sub-folder" in note] != []


def test_a_part_under_two_labels_is_one_part(tmp_path: Path) -> None:
    both = [f"{label}/SN{n}" for label in ("bad", "good") for n in range(20)]
    tree(tmp_path, *(f"{part}/{view}" for part in both for view in VIEWS))

    scanned = scan(tmp_path)
    dataset = split(scanned)
    folds = assign_folds(dataset, 4)

    splits, dealt = defaultdict(set), defaultdict(set)
    for image, fold in zip(dataset.images, folds, strict=True):
        splits[image.path.parent.name].add(image.split)
        dealt[image.path.parent.name].add(fold)
    assert {len(each) for each in (*splits.values(), *dealt.values())} == {1}
    assert any("20 parts with images under two or more labels" in note for note in scanned.notes)


def test_too_few_parts_with_many_views_are_refused_with_a_hint(tmp_path: Path) -> None:
    names = [f"{label}/SN{n}/{view}.png" for label in "ab" for n in range(2) for view in range(20)]
    tree(tmp_path, *names)

    with pytest.raises(DatasetError, match="has 2 parts .* sub-folders count as one part each"):
        split(scan(tmp_path))


def test_images_of_a_part_under_two_labels_stay_together(tmp_path: Path) -> None:
    names = [f"SN{n}_nohash_{shot}.png" for n in range(20) for shot in range(2)]
    tree(tmp_path, *(f"{label}/{name}" for label in ("bad", "good") for name in names))

    scanned = scan(tmp_path)

    splits = defaultdict(set)
    for image in split(scanned).images:
        splits[image.path.name.partition("_")[0]].add(image.split)
    assert {len(each) for each in splits.values()} == {1}
    assert any("20 parts with images under two or more labels" in note for note in scanned.notes)


def test_parts_by_name_and_parts_by_folder_combine(tmp_path: Path) -> None:
    """SN0 and SN1 share a part by name, so they are one part."""
    tree(tmp_path, *numbered("bad", 9), *(f"good/SN{n}/{v}" for n in range(9) for v in VIEWS))
    tree(tmp_path, "good/SN0/x_nohash_1.jpg", "good/SN1/x_nohash_2.jpg")

    dataset = split(scan(tmp_path))

    assert dataset.part_counts() == {"bad": 9, "good": 8}


def test_batch_folders_are_not_parts(tmp_path: Path) -> None:
    days = [f"{label}/2024-05-0{day}" for label in "ab" for day in (1, 2)]
    names = [f"{day}/{day.replace('/', '')}_{number}.png" for day in days for number in range(9)]
    tree(tmp_path, *names)

    scanned = scan(tmp_path)

    assert scanned.parts == {}
    assert split(scanned).part_counts() == {"a": 18, "b": 18}


def test_a_batch_folder_does_not_change_the_split(tmp_path: Path) -> None:
    flat = split(scan(tree(tmp_path / "1", *numbered("a", 40), *numbered("b", 40))))
    below = [name.replace("/", f"/batch{n % 3}/") for n, name in enumerate(numbered("a", 40))]
    batches = split(scan(tree(tmp_path / "2", *below, *numbered("b", 40))))

    assert splits_of(flat) == splits_of(batches)


NFC, NFD = "d\u00e9faut", unicodedata.normalize("NFD", "d\u00e9faut")


@pytest.mark.parametrize(
    ("folders", "label"), [((NFC, NFD), NFC), (("bad", "bad "), "bad"), (("bad ",), "bad")]
)
def test_folders_with_equivalent_names_are_one_label(
    tmp_path: Path, folders: tuple[str, ...], label: str
) -> None:
    for folder in (*folders, "good"):
        tree(tmp_path, *numbered(folder, 4))

    scanned = scan(tmp_path)

    assert list(scanned.found) == [label, "good"]
    assert len(scanned.found[label]) == 4 * len(folders)
    assert any("merged" in note for note in scanned.notes) is (len(folders) > 1)


@pytest.mark.parametrize(("one", "other"), [("Good", "good"), ("BAD", "bad "), (NFC.upper(), NFD)])
def test_labels_that_differ_in_case_are_refused(tmp_path: Path, one: str, other: str) -> None:
    for folder in (one, other, "third"):
        tree(tmp_path, *numbered(folder, 4))

    with pytest.raises(DatasetError) as refused:
        scan(tmp_path)

    assert str(tmp_path / one) in str(refused.value)
    assert str(tmp_path / other) in str(refused.value)


def test_system_folders_are_ignored(tmp_path: Path) -> None:
    tree(tmp_path, *numbered("bad", 3), *numbered("good", 3), "good/@eaDir/x.png", "a.mp4")
    for folder in ("@eaDir", "lost+found", ".ipynb_checkpoints", "__MACOSX"):
        (tmp_path / folder).mkdir()

    scanned = scan(tmp_path)

    assert {label: len(paths) for label, paths in scanned.found.items()} == {"bad": 3, "good": 3}
    assert scanned.notes == ("1 file not read: 1 .mp4",)


def test_files_in_a_label_without_images_are_named(tmp_path: Path) -> None:
    tree(tmp_path, *numbered("good", 3), "bad/a.mp4", "bad/b.mp4")

    with pytest.raises(DatasetError, match=r"no images in .*bad \(2 files not read: 2 \.mp4\)"):
        scan(tmp_path)


def test_an_unreadable_folder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, *numbered("bad", 3), *numbered("good", 3), "good/closed/x.png")
    listed = os.listdir

    def refusing(path: Path) -> list[str]:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "listdir", refusing)

    assert list(scan(tmp_path).left_out.unreadable) == [tmp_path / "good" / "closed"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        scan(tmp_path / "nowhere")


def test_too_few_parts_are_refused_even_with_many_images() -> None:
    names = [f"part{part}_nohash_{shot}.jpg" for part in range(2) for shot in range(20)]
    with pytest.raises(DatasetError, match="has 2 parts"):
        two_labels(names)


@pytest.mark.parametrize(("most", "left"), [(None, None), (1, 1), (3, 3), (10**6, None)])
def test_the_test_split_is_limited(most: int | None, left: int | None) -> None:
    whole = two_labels(NAMES)
    some = limit_test(whole, most, seed=0)
    assert len(some.of(Split.TEST)) == (len(whole.of(Split.TEST)) if left is None else left)
    assert set(some.of(Split.TEST)) <= set(whole.of(Split.TEST))
    for part in (Split.TRAIN, Split.VALIDATION):
        assert some.of(part) == whole.of(part)
    assert some == limit_test(whole, most, seed=0)


def test_groups_join_parts() -> None:
    """A group includes the other images of its parts, and groups that share a part are joined."""
    found = {
        "good": [Path(f"g{part}_nohash_{shot}.jpg") for part in range(20) for shot in range(3)],
        "bad": [Path(f"b{part}.jpg") for part in range(20)],
    }
    good, bad = found["good"], found["bad"]
    groups = [[good[0], good[3]], [good[5], good[8], bad[4]]]
    joined = {*good[:9], bad[4]}
    part_hashes = {each.path: each.part_hash for each in split(found, groups=groups).images}
    apart = {each.path: each.part_hash for each in split(found).images}
    assert len({part_hashes[path] for path in joined}) == 1
    assert len(set(part_hashes.values())) == 40 - 3
    assert {path: part_hash for path, part_hash in part_hashes.items() if path not in joined} == {
        path: part_hash for path, part_hash in apart.items() if path not in joined
    }
