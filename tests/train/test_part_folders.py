"""Sub-folders are parts if file names recur in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from partsight_train.data.part_folders import find_parts, shared_parts

ROOT = Path("set/healthy")


def found(names: list[str]) -> list[set[str]] | None:
    """File names by part, sorted; None if sub-folders do not group."""
    parts = find_parts({ROOT: [ROOT / name for name in names]})
    if parts is None:
        return None
    by_part: dict[str, set[str]] = {}
    for path, part in parts.parts.items():
        by_part.setdefault(part, set()).add(str(path.relative_to(ROOT)))
    return sorted(by_part.values(), key=min)


def in_folders(folders: list[str], names: list[str]) -> list[str]:
    return [f"{folder}/{name}" for folder in folders for name in names]


SERIALS = [f"SN{number}" for number in range(6)]
GROUPED = {
    "views": in_folders(SERIALS, ["top.jpg", "side.jpg"]),
    "numbers": in_folders(SERIALS, ["1.png", "2.png", "3.png"]),
    "one view each": in_folders(SERIALS, ["top.jpg"]),
    "case and ending differ": ["SN0/Top.jpg", "SN1/top.PNG", "SN2/TOP.jpeg"],
    "views by camera": in_folders(SERIALS, ["cam1/a.png", "cam2/a.png"]),
    "some more in one": [*in_folders(SERIALS, ["top.jpg", "side.jpg"]), "SN0/crack.jpg"],
    "the part's name before the view": [f"{s}/{s}_{v}.jpg" for s in SERIALS for v in ("a", "b")],
    "a number of its own in each name": [
        f"SN{n}/2024050{n}_{17 * n}_{view}.jpg" for n in range(6) for view in ("top", "side")
    ],
    "many shots of each": in_folders(SERIALS[:3], [f"shot{n}.jpg" for n in range(9)]),
    "numbered parts": in_folders(["1", "2", "3"], ["top.jpg", "side.jpg"]),
}


@pytest.mark.parametrize("names", GROUPED.values(), ids=GROUPED)
def test_folders_with_recurring_names_are_parts(names: list[str]) -> None:
    folders = sorted({name.partition("/")[0] for name in names})

    assert found(names) == [{n for n in names if n.startswith(f"{f}/")} for f in folders]


def test_parts_are_found_below_batch_folders() -> None:
    names = ["may/SN1/top.jpg", "may/SN1/side.jpg", "june/SN2/top.jpg", "june/SN2/side.jpg"]

    assert found(names) == [set(names[2:]), set(names[:2])]


@pytest.mark.parametrize(
    "views",
    [
        ["top", "side"],
        ["oben", "unten"],
        ["links", "rechts", "vorne"],
        ["Cam_A", "Cam_B"],
        ["topview", "sideview"],
        ["view_top", "view_left"],
        ["01_top", "02_bottom"],
        ["darkfield", "ring_light"],
        ["dessus", "dessous"],
    ],
    ids=" ".join,
)
def test_view_folders_group_by_file_name(views: list[str]) -> None:
    names = in_folders(views, [f"{serial}.png" for serial in SERIALS])

    assert found(names) == [{f"{v}/{s}.png" for v in views} for s in SERIALS]


@pytest.mark.parametrize(
    ("other", "by_name"),
    [
        (in_folders(["K1", "K2", "K3"], ["X7.png", "X8.png"]), True),
        (in_folders(["K1", "K2", "K3"], ["SN1.png", "X8.png"]), False),
        (in_folders(["K7", "K8"], ["X7.png"]), False),
        ([], False),
    ],
    ids=["other files in the same folders", "the same files", "other folders", "none"],
)
def test_folders_shared_by_labels_with_different_files_are_views(
    other: list[str], by_name: bool
) -> None:
    names = in_folders(["K1", "K2", "K3"], [f"{serial}.png" for serial in SERIALS])
    defected = Path("set/defected")

    parts = find_parts(
        {ROOT: [ROOT / name for name in names]}, {defected: [defected / name for name in other]}
    )

    assert parts is not None
    assert parts.by_name is by_name
    assert ("call them cam1" in parts.text("healthy")) is not by_name


UNGROUPED = {
    "flat": ["a.png", "b.png"],
    "nothing": [],
    "batches": [f"2024-05-0{d}/IMG_{d}{n:03}.png" for d in range(1, 4) for n in range(9)],
    "batches in the names": [
        f"2024-05-0{d}/2024-05-0{d}_{n}.png" for d in range(1, 4) for n in range(9)
    ],
    "lots in the names": [f"lot_{d}/lot_{d}-{n}.png" for d in range(1, 4) for n in range(9)],
    "two kinds of names in batches": [
        f"lot{d}/{kind}_{d}{n}.png" for d in range(3) for n in range(3) for kind in "ab"
    ],
    "a file per day": [f"2024-05-0{d}/IMG_{d}7.png" for d in range(1, 6)],
    "a reference in each": [
        *(f"{d}/IMG_{d}{n}.png" for d in range(3) for n in range(9)),
        *(f"{d}/reference.png" for d in range(3)),
    ],
    "one folder": ["a/top.png", "a/side.png"],
}


@pytest.mark.parametrize("names", UNGROUPED.values(), ids=UNGROUPED)
def test_folders_without_recurring_names_are_not_parts(names: list[str]) -> None:
    assert found(names) is None


def test_files_next_to_the_folders_are_separate_parts() -> None:
    names = [*in_folders(SERIALS, ["top.jpg", "side.jpg"]), "loose.jpg"]

    parts = find_parts({ROOT: [ROOT / name for name in names]})

    assert parts is not None
    assert ROOT / "loose.jpg" not in parts.parts


def test_the_same_folder_in_two_splits_is_one_part() -> None:
    roots = {Path("train/ok"): "train/ok", Path("test/ok"): "test/ok"}
    images = {
        root: [root / f"SN{n}" / f"{view}.png" for n in numbers for view in ("top", "side")]
        for root, numbers in zip(roots, ([1, 2, 3], [3, 4]), strict=True)
    }

    parts = find_parts(images)

    assert parts is not None
    assert parts.parts[Path("train/ok/SN3/top.png")] == parts.parts[Path("test/ok/SN3/side.png")]


def test_a_part_under_two_labels_is_the_same_part() -> None:
    healthy = find_parts({ROOT: [ROOT / name for name in GROUPED["views"]]})
    assert healthy is not None
    defected = Path("set/defected")
    images = {defected: [defected / "SN1/crack_17.jpg", defected / "SN99/other.jpg"]}

    assert shared_parts(images, [healthy]) == {
        defected / "SN1/crack_17.jpg": healthy.parts[ROOT / "SN1/top.jpg"]
    }


def test_the_grouping_is_described() -> None:
    parts = find_parts({ROOT: [ROOT / name for name in GROUPED["views"]]})

    assert parts is not None
    assert parts.text("healthy") == (
        "label healthy: 6 parts by sub-folder, as file names recur in them (such as top, side)"
    )
