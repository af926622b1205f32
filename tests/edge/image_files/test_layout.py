"""Layouts of published sets: which folders are labels, and which are splits."""

from __future__ import annotations

from pathlib import Path

import pytest

from partsight.errors import DatasetError
from partsight.evaluation.evaluate import labelled_image_files
from partsight.image_files.layout import label_key, read_layout, split_of
from partsight.image_files.walk import LeftOut


def make(root: Path, *folders: str) -> Path:
    """An image in each folder."""
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "a.png").touch()
    return root


def folders_of(root: Path) -> set[tuple[str, str, str | None]]:
    layout = read_layout(root, LeftOut())
    return {
        (each.name, each.path.relative_to(root).as_posix(), each.split) for each in layout.folders
    }


TRAIN, VAL, TEST = "train", "validation", "test"
LAYOUTS = {
    "labels": (["bad", "good"], {("bad", "bad", None), ("good", "good", None)}),
    "labels with batches": (
        ["bad/1", "bad/2", "good/1"],
        {("bad", "bad", None), ("good", "good", None)},
    ),
    "a label named train": (
        ["train", "truck"],
        {("train", "train", None), ("truck", "truck", None)},
    ),
    "a label named train with batches": (
        ["train/1", "train/2", "truck/1", "truck/2", "tram"],
        {("train", "train", None), ("truck", "truck", None), ("tram", "tram", None)},
    ),
    "a label named test": (["test", "good"], {("test", "test", None), ("good", "good", None)}),
    "split": (
        ["train/bad", "train/good", "val/bad", "test/good"],
        {
            ("bad", "train/bad", TRAIN),
            ("good", "train/good", TRAIN),
            ("bad", "val/bad", VAL),
            ("good", "test/good", TEST),
        },
    ),
    "split in other words": (
        ["Training/ok", "VALID/ok", "Testing/nok"],
        {
            ("ok", "Training/ok", TRAIN),
            ("ok", "VALID/ok", VAL),
            ("nok", "Testing/nok", TEST),
        },
    ),
    "split named as sets": (
        ["training_set/ok", "test_set/ok"],
        {("ok", "training_set/ok", TRAIN), ("ok", "test_set/ok", TEST)},
    ),
    "split within labels": (
        ["bad/train", "bad/test", "good/train", "good/test"],
        {
            ("bad", "bad/train", TRAIN),
            ("bad", "bad/test", TEST),
            ("good", "good/train", TRAIN),
            ("good", "good/test", TEST),
        },
    ),
    "MVTec": (
        ["train/good", "test/good", "test/crack", "ground_truth/crack"],
        {
            ("good", "train/good", TRAIN),
            ("good", "test/good", TEST),
            ("crack", "test/crack", TEST),
        },
    ),
    "MVTec's second": (
        [
            *("train/good", "validation/good", "test_public/bad"),
            *("test_public/ground_truth", "test_private"),
        ],
        {
            ("good", "train/good", TRAIN),
            ("good", "validation/good", VAL),
            ("bad", "test_public/bad", TEST),
        },
    ),
    "masks beside labels": (
        ["good", "crack", "ground_truth/crack"],
        {("good", "good", None), ("crack", "crack", None)},
    ),
}


@pytest.mark.parametrize(("folders", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(
    tmp_path: Path, folders: list[str], expected: set[tuple[str, str, str | None]]
) -> None:
    assert folders_of(make(tmp_path, *folders)) == expected


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train/bad", "train/good"], "Pass .*/train instead"),
        (["test/bad", "test/good", "ground_truth/bad"], "Pass .*/test instead"),
        (["train/cat", "train/dog", "test"], "and test/ without label folders. Pass .*/train"),
        (["train", "test"], "train/ without a folder per label"),
        (["train/a", "test/a", "truck", "tram"], "next to them tram/, truck/"),
        (["good/train", "good/test", "bad"], "good/ is divided into splits, and bad/ not"),
        (["train/good", "train/bad", "eval/good", "eval/bad"], "one level lower.*/eval, or call"),
        (["line1/OK", "line1/NOK", "line2/OK", "line2/NOK"], "one level lower.*Pass .*/line1"),
    ],
    ids=[
        *("only train", "only test", "test without labels", "no labels", "mixed"),
        *("one label divided", "unknown names of splits", "two lines"),
    ],
)
def test_unusable_splits_name_the_folder_to_pass(
    tmp_path: Path, folders: list[str], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        read_layout(make(tmp_path, *folders), LeftOut())


MVTEC = ("train/good", "test/good", "test/crack", "ground_truth/crack")


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        ([f"{top}/{each}" for top in ("bottle", "nut") for each in MVTEC], "bottle, .*/nut"),
        ([f"{top}/{each}" for top in ("bottle", "nut") for each in MVTEC[:3]], "bottle, .*/nut"),
        ([f"{top}/{each}" for top in ("bottle", "nut") for each in MVTEC[:1]], "bottle, .*/nut"),
        ([f"{top}/x/{each}" for top in ("bottle", "nut") for each in MVTEC], "bottle, .*/nut"),
        ([*(f"bottle/{each}" for each in MVTEC), "notes/1"], "Pass .*/bottle"),
        (["01/train/ok", "01/test/ok", "01/test/ko", "02/train/ok", "02/test/ko"], "01, .*/02"),
        (["candle/Data/Images/Normal", "candle/Data/Images/Anomaly", "candle/Data/Masks/Anomaly",
          "pcb/Data/Images/Normal", "pcb/Data/Images/Anomaly"], "such as .*/candle/Data/Images"),
        (["nut/good", "nut/bent", "bolt/OK", "bolt/NOK"], "such as .*/bolt"),
        (["train/nut/good", "train/nut/bad", "test/nut/good", "test/nut/bad"], "such as .*nut"),
        (["train/nut/train/good", "test/nut/test/good", "train/b/x", "test/b/x"], "Pass .*nut"),
    ],
    ids=[
        *("MVTec AD", "without masks", "train only", "wrapped", "one among others", "BTAD"),
        *("VisA", "other good names", "categories in splits", "divided in splits"),
    ],
)  # fmt: skip
def test_a_folder_above_several_sets_is_refused_and_names_them(
    tmp_path: Path, folders: list[str], named: str
) -> None:
    with pytest.raises(DatasetError, match=named):
        read_layout(make(tmp_path, *folders), LeftOut())


@pytest.mark.parametrize(
    "folders",
    [
        ["scratch/day1", "scratch/day2", "healthy/good_light", "healthy/dark"],
        ["bad/SN1", "bad/SN2", "fine/SN3/top", "fine/SN3/side"],
        ["bad/ok_focus", "bad/blurred", "weak/day1"],
        ["cat/train", "cat/test", "dog/train", "dog/test"],
        ["bad/train/SN1", "bad/test/SN2", "good/train/SN3", "good/test/SN4"],
    ],
    ids=" ".join,
)
def test_one_set_with_sub_folders_is_not_taken_for_several(
    tmp_path: Path, folders: list[str]
) -> None:
    root = make(tmp_path, *folders)

    assert {name for name, _, _ in folders_of(root)} == {each.split("/")[0] for each in folders}


@pytest.mark.parametrize(
    "masks", ["bad/ground_truth", "bad/day1/Ground Truth/crack", "good/x/groundtruth"]
)
def test_masks_at_any_depth_are_counted_and_not_read(tmp_path: Path, masks: str) -> None:
    root, left_out = make(tmp_path, "good/x", "bad/day1", masks), LeftOut()

    pictures = labelled_image_files(root, ("bad", "good"), left_out)

    assert len(pictures) == 2
    assert left_out.text() == "1 file not read: 1 .png in ground truth folders (masks)"


def test_unused_folders_are_named(tmp_path: Path) -> None:
    root = make(tmp_path, "train/a", "val/a", "test/a", "unlabelled", "ground_truth/a")

    aside = read_layout(root, LeftOut()).aside()

    assert aside is not None
    assert "ground_truth (masks)" in aside
    assert "unlabelled (not in a split)" in aside


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", TRAIN),
        ("TRAIN ", TRAIN),
        ("Training", TRAIN),
        ("train_images", TRAIN),
        ("val", VAL),
        ("Validation-Set", VAL),
        ("dev", VAL),
        ("test", TEST),
        ("test data", TEST),
        ("01_train", TRAIN),
        ("train2017", TRAIN),
        ("x_train", TRAIN),
        ("Trainingsdaten", TRAIN),
        ("tr", TRAIN),
        ("split-val", VAL),
        ("Validierung", VAL),
        ("3. Test", TEST),
        ("te", TEST),
        ("trains", None),
        ("tested", None),
        ("good", None),
        ("train_good", None),
    ],
)
def test_names_of_splits(name: str, split: str | None) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Good", "good"),
        ("d\u00e9faut", "de\u0301faut"),
        ("good ", "good"),
        ("STRASSE", "stra\u00dfe"),
    ],
)
def test_names_of_one_label(one: str, other: str) -> None:
    assert label_key(one) == label_key(other)


@pytest.mark.parametrize(
    ("folder", "label"),
    [("good", "good"), ("Good", "good"), ("good ", "good"), ("de\u0301faut", "d\u00e9faut")],
)
def test_evaluate_matches_folders_to_labels_by_name(
    tmp_path: Path, folder: str, label: str
) -> None:
    make(tmp_path, folder)

    assert labelled_image_files(tmp_path, ("bad", label)) == [(tmp_path / folder / "a.png", 1)]


def test_evaluate_prefers_the_exact_name(tmp_path: Path) -> None:
    make(tmp_path, "Good", "good")

    assert [index for _, index in labelled_image_files(tmp_path, ("Good", "good"))] == [0, 1]


def test_evaluate_names_folders_that_match_no_label(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"sub-folders \['GOOD'\] that the model has no label"):
        labelled_image_files(make(tmp_path, "GOOD"), ("Good", "good"))


def test_evaluate_uses_the_test_split_and_reports_it(tmp_path: Path) -> None:
    make(tmp_path, "train/good", "test/good", "test/crack", "ground_truth/crack")
    notes: list[str] = []

    found = labelled_image_files(tmp_path, ("crack", "good"), warn=notes.append)

    assert found == [(tmp_path / "test/crack/a.png", 0), (tmp_path / "test/good/a.png", 1)]
    assert "ground_truth (masks)" in notes[0]
    assert f"its test split is used ({tmp_path / 'test'})" in notes[1]


def test_evaluate_without_a_test_split_names_the_folders(tmp_path: Path) -> None:
    make(tmp_path, "train/good", "val/good")

    with pytest.raises(DatasetError, match="without a test split. Pass .*/train, .*/val"):
        labelled_image_files(tmp_path, ("bad", "good"))
