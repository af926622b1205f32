"""Image files are found by name and decoded in advance, within bounds and in order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from partsight.errors import DatasetError, ImageError
from partsight.image.spec import PreprocessSpec
from partsight.image_files.read import find_image_files, is_image_file, read_images, sub_folders
from partsight.image_files.walk import LeftOut
from partsight.utils.parallel_map import parallel_map

SPEC = PreprocessSpec(2, 4)


def write_image(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((4, 4, 3), value, np.uint8))
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", True),
        ("a.JPEG", True),
        ("a.b.Png", True),
        ("a.tif", True),
        (".a.jpg", False),
        ("a.txt", False),
        ("jpg", False),
        ("a.jpg.part", False),
    ],
)
def test_image_files_are_recognized_by_name(name: str, expected: bool) -> None:
    assert is_image_file(Path("folder") / name) is expected


def test_a_folder_gives_the_image_files_below_it_by_name(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "sub/c.jpg", "notes.txt", ".hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "looks-like.png").mkdir()

    assert find_image_files([tmp_path]) == [tmp_path / n for n in ("a.png", "b.png", "sub/c.jpg")]


def test_files_are_kept_in_the_given_order(tmp_path: Path) -> None:
    paths = [tmp_path / "z.dat", tmp_path / "missing.png", tmp_path / "a.png"]

    assert find_image_files(iter(paths)) == paths


@pytest.mark.parametrize("paths", [[], ["empty"]])
def test_nothing_is_an_error(tmp_path: Path, paths: list[str]) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(DatasetError, match="no pictures in"):
        find_image_files(tmp_path / path for path in paths)


def test_sub_folders_are_sorted_and_other_files_counted(tmp_path: Path) -> None:
    for name in ("healthy/b.png", "defected/x/c.png", ".git/d.png", "@eaDir/d.png", "e.png", "f"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    left_out = LeftOut()

    folders = sub_folders(tmp_path, left_out)

    assert folders == [tmp_path / "defected", tmp_path / "healthy"]
    assert left_out.text() == ("2 files not read: 1 .png next to the sub-folders, 1 without ending")


@pytest.mark.parametrize("name", ["missing", "file"])
def test_labels_need_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DatasetError, match="is not a folder"):
        sub_folders(tmp_path / name, LeftOut())


def test_the_error_without_images_lists_other_files(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()

    with pytest.raises(DatasetError, match=r"no pictures in .*; 1 file not read: 1 \.mp4\. Check"):
        find_image_files([tmp_path])


def test_order_is_kept_and_broken_files_are_reported_in_place(tmp_path: Path) -> None:
    paths = [write_image(tmp_path / f"{index:03d}.png", index) for index in range(50)]
    paths[7].write_bytes(b"no picture")
    paths[20].unlink()

    read = list(read_images(paths, SPEC))

    assert [path for path, _ in read] == paths
    reasons = {path: str(p) for path, p in read if isinstance(p, ImageError)}
    assert list(reasons) == [paths[7], paths[20]]
    assert "not an image" in reasons[paths[7]]
    assert "cannot be read" in reasons[paths[20]]
    for index, (_, picture) in enumerate(read):
        if index not in (7, 20):
            assert (picture == index).all()


def test_few_images_are_in_memory_at_a_time(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    asked = 0

    def paths() -> Iterator[Path]:
        nonlocal asked
        for _ in range(1000):
            asked += 1
            yield path

    pictures = read_images(paths(), SPEC)
    ahead = 6 * (os.cpu_count() or 1)
    for handed in range(1, 200):
        next(pictures)
        assert asked <= ahead + handed - 1
    pictures.close()

    assert asked <= ahead + 199


def test_results_before_a_failure_are_yielded() -> None:
    done = parallel_map(lambda each: 1 // (each - 7), range(100), 2)

    assert [next(done)[0] for _ in range(7)] == [*range(7)]
    with pytest.raises(ZeroDivisionError):
        next(done)


def test_other_errors_than_image_errors_are_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, spec: PreprocessSpec) -> None:
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr("partsight.image_files.read.decode", broken)

    with pytest.raises(RuntimeError, match="a defect of ours"):
        list(read_images([tmp_path / "a.png"], SPEC))


def test_no_paths_give_no_images() -> None:
    assert list(read_images([], SPEC)) == []
