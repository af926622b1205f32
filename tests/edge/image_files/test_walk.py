"""The walk over folders, which is the same for all commands."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from partsight.evaluation.evaluate import labelled_image_files
from partsight.image.spec import PreprocessSpec
from partsight.image_files.read import find_image_files
from partsight.image_files.walk import LeftOut, Unlisted, is_ignored, walk
from partsight.inputs.open import open_inputs
from partsight.records import Fault, Frame
from partsight.sources.folder import FolderSource

PNG = cv2.imencode(".png", np.zeros((2, 4, 3), np.uint8))[1].tobytes()
SPEC = PreprocessSpec(2, 4)
TAKEN = ["a.png", "deep/er/b.JPG", "z.png"]
IGNORED = [
    ".hidden.png",
    "._a.png",
    ".ipynb_checkpoints/a-checkpoint.png",
    "@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg",
    "@EADIR/a.png",
    "__MACOSX/a.png",
    "lost+found/a.png",
    "#recycle/a.png",
    "$RECYCLE.BIN/a.png",
    "System Volume Information/a.png",
    "Thumbs.db",
    "desktop.ini",
    ".DS_Store",
]


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PNG)
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files that count, and ignored ones at two levels."""
    root = write(tmp_path / "healthy", *TAKEN)
    return write(root, *IGNORED, *(f"deep/{name}" for name in IGNORED))


def by_walk(tree: Path) -> list[str]:
    return [str(each.relative_to(tree)) for each in walk(tree) if isinstance(each, Path)]


def by_find(tree: Path) -> list[str]:
    return [str(path.relative_to(tree)) for path in find_image_files([tree])]


def by_classify(tree: Path) -> list[str]:
    return [os.path.relpath(each.name, tree) for each in open_inputs([str(tree)])]


def by_pattern(tree: Path) -> list[str]:
    found = open_inputs([f"{tree}/**/*.[pPjJ]*"])
    return sorted(os.path.relpath(each.name, tree) for each in found)


def by_evaluate(tree: Path) -> list[str]:
    found = labelled_image_files(tree.parent, ("defected", "healthy"))
    return [os.path.relpath(path, tree) for path, _ in found]


def by_source(tree: Path) -> list[str]:
    with FolderSource(tree, SPEC) as source:
        return [os.path.relpath(event.source, tree) for event in source]


def by_zip(tree: Path) -> list[str]:
    with zipfile.ZipFile(tree.parent / "all.zip", "w") as archive:
        for path in sorted(tree.rglob("*")):
            archive.write(path, path.relative_to(tree))
    return [each.name.partition("!/")[2] for each in open_inputs([f"{tree.parent}/all.zip"])]


def by_tar(tree: Path) -> list[str]:
    with tarfile.open(tree.parent / "all.tar", "w") as archive:
        for path in sorted(tree.rglob("*")):
            if path.is_file():
                member = tarfile.TarInfo(str(path.relative_to(tree)))
                member.size = len(PNG)
                archive.addfile(member, io.BytesIO(PNG))
    return [each.name.partition("!/")[2] for each in open_inputs([f"{tree.parent}/all.tar"])]


def by_store(tree: Path) -> list[str]:
    pytest.importorskip("pyarrow")
    from partsight.batch.ray_engine.stores import image_files_below_uri

    found = image_files_below_uri(tree.as_uri(), LeftOut())
    return [os.path.relpath(each[1], tree) for each in found if not hasattr(each, "reason")]


WALKERS = [
    by_walk,
    by_find,
    by_classify,
    by_pattern,
    by_evaluate,
    by_source,
    by_zip,
    by_tar,
    by_store,
]


@pytest.mark.parametrize("names_in", WALKERS)
def test_ignored_names_are_left_out_at_every_level(
    tree: Path, names_in: Callable[[Path], list[str]]
) -> None:
    assert names_in(tree) == TAKEN


@pytest.mark.parametrize("names_in", [by_walk, by_find, by_classify, by_source, by_store])
def test_a_folder_named_by_the_user_is_read_whatever_its_name(
    tmp_path: Path, names_in: Callable[[Path], list[str]]
) -> None:
    assert names_in(write(tmp_path / "@eaDir", "a.png")) == ["a.png"]


@pytest.mark.parametrize(
    "names_in", [by_walk, by_find, by_classify, by_pattern, by_evaluate, by_source, by_store]
)
def test_all_commands_follow_links(tmp_path: Path, names_in: Callable[[Path], list[str]]) -> None:
    elsewhere = write(tmp_path / "elsewhere.d", "batch/b.png", "c.png")
    tree = write(tmp_path / "set" / "healthy", "a.png")
    (tree / "more").symlink_to(elsewhere)
    (tree / "one.png").symlink_to(elsewhere / "c.png")

    assert names_in(tree) == ["a.png", "more/batch/b.png", "more/c.png", "one.png"]


@pytest.mark.parametrize("target", [".", "..", "../..", "inner"])
@pytest.mark.parametrize("names_in", [by_walk, by_find, by_pattern, by_evaluate, by_source])
def test_links_to_parent_folders_add_nothing(
    tmp_path: Path, names_in: Callable[[Path], list[str]], target: str
) -> None:
    tree = write(tmp_path / "around" / "set" / "healthy", "a.png", "inner/b.png")
    write(tree.parent, "defected/c.png")
    (tree / "inner" / "loop").symlink_to(tree / target, target_is_directory=True)

    found = [name for name in names_in(tree) if not name.startswith("..")]

    assert found == ["a.png", "inner/b.png"]


def test_a_link_to_the_parent_folder_is_not_a_label(tmp_path: Path) -> None:
    write(tmp_path, "healthy/a.png", "defected/b.png")
    (tmp_path / "all").symlink_to(tmp_path)

    found = labelled_image_files(tmp_path, ("defected", "healthy"))

    assert [path.name for path, _ in found] == ["b.png", "a.png"]


@pytest.fixture
def unreadable(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    listed = os.listdir

    def refusing(path: Path) -> list[str]:
        if Path(path).name == "er":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "listdir", refusing)
    return tree


def test_a_folder_that_cannot_be_read_is_named(unreadable: Path) -> None:
    (missed,) = (each for each in walk(unreadable) if isinstance(each, Unlisted))

    assert missed.path == unreadable / "deep" / "er"
    assert missed.reason == "the folder cannot be read: Permission denied"


def test_a_source_reports_a_folder_that_cannot_be_read(unreadable: Path) -> None:
    fault, *frames = FolderSource(unreadable, SPEC)

    assert isinstance(fault, Fault)
    assert "Permission denied" in fault.reason
    assert all(isinstance(frame, Frame) for frame in frames)
    assert [event.index for event in (fault, *frames)] == [0, 1, 2]


def test_an_unreadable_folder_stops_an_evaluation(unreadable: Path) -> None:
    from partsight.errors import DatasetError

    with pytest.raises(DatasetError, match="er: the folder cannot be read: Permission denied"):
        labelled_image_files(unreadable.parent, ("healthy", "defected"))


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ([], None),
        (["a.mp4"], "1 file not read: 1 .mp4"),
        (["a.MOV", "b.mov", "c.pdf"], "3 files not read: 2 .mov, 1 .pdf"),
        (["a.raw", "a.dng", "a.CR2"], "3 files not read: 1 .raw, 1 .dng, 1 .cr2"),
        (["README"], "1 file not read: 1 without ending"),
        (["a.png.part"], "1 file not read: 1 .part"),
    ],
    ids=str,
)
def test_files_that_are_not_read_are_counted_in_a_line(files: list[str], text: str | None) -> None:
    left_out = LeftOut()
    for file in files:
        left_out.count(Path(file))

    assert left_out.text() == text


@pytest.mark.parametrize("ending", [".heic", ".HEIF", ".hif"])
def test_heic_is_named_with_what_reads_it(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    left_out = LeftOut()
    for number in range(9):
        left_out.count(Path(f"IMG_{number}{ending}"))
    left_out.count(Path("a.mp4"))

    assert left_out.text() == (
        f"10 files not read: 9 {ending.lower()}, 1 .mp4. To read HEIC: pip install pillow-heif"
    )


@pytest.mark.parametrize("names_in", [by_find, by_classify, by_zip, by_store])
def test_every_walk_counts_what_it_does_not_read(
    tmp_path: Path, names_in: Callable[[Path], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = write(tmp_path / "set", "a.png", "b/film.mp4", "b/@eaDir/film.mp4", "notes.txt")
    counted = LeftOut()
    monkeypatch.setattr("partsight.image_files.read.LeftOut", lambda: counted)
    monkeypatch.setattr("partsight.inputs.open.LeftOut", lambda: counted)
    if names_in is by_store:
        monkeypatch.setitem(globals(), "LeftOut", lambda: counted)

    assert names_in(tree) == ["a.png"]
    assert counted.endings == {".mp4": 1, ".txt": 1}


@pytest.mark.parametrize(
    ("name", "ignored"),
    [
        (".git", True),
        ("._IMG_1.jpg", True),
        ("THUMBS.DB", True),
        ("@eaDir", True),
        ("@Recycle", True),
        ("@Recently-Snapshot", True),
        ("RECYCLER", True),
        ("Network Trash Folder", True),
        ("__pycache__", True),
        ("eaDir", False),
        ("healthy", False),
        ("lost", False),
        ("a.b.png", False),
        ("#17", False),
    ],
)
def test_names(name: str, ignored: bool) -> None:
    assert is_ignored(name) is ignored
