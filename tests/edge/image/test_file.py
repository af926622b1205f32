"""An image file is read completely or refused with a reason, without waiting."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from partsight.errors import ImageError
from partsight.image import file as image_file
from partsight.image.file import read_image_file
from partsight.utils.limits import MAX_IMAGE_BYTES


def test_bytes_and_file_status_are_returned(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"bytes")
    assert read_image_file(path) == (b"bytes", path.stat())


def no_name(folder: Path) -> Path:
    return folder / ("x" * 5000)


def nul(folder: Path) -> Path:
    return folder / "a\0b.jpg"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.jpg")
    return folder / "pipe.jpg"


def endless(folder: Path) -> Path:
    (folder / "zero.jpg").symlink_to("/dev/zero")
    return folder / "zero.jpg"


def loop(folder: Path) -> Path:
    (folder / "loop.jpg").symlink_to("loop.jpg")
    return folder / "loop.jpg"


def huge(folder: Path) -> Path:
    with (folder / "huge.jpg").open("wb") as stream:
        stream.truncate(MAX_IMAGE_BYTES + 1)
    return folder / "huge.jpg"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "gone.jpg", "No such file"),
        (lambda folder: folder, "Is a directory"),
        (no_name, "name too long"),
        (nul, "null byte"),
        (pipe, "not a file"),
        (endless, "not a file"),
        (loop, "symbolic links"),
        (huge, "too large"),
    ],
)
def test_devices_pipes_and_folders_are_refused(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    with pytest.raises(ImageError, match=reason):
        read_image_file(make(tmp_path))


@pytest.mark.parametrize("change", ["longer", "rewritten", "shorter"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path, asked = tmp_path / "a.jpg", os.fstat
    path.write_bytes(b"x" * 100)
    os.utime(path, (1, 1))

    def then_changing(descriptor: int) -> os.stat_result:
        status = asked(descriptor)
        path.write_bytes(b"y" * {"longer": 200, "rewritten": 100, "shorter": 50}[change])
        return status

    monkeypatch.setattr(image_file.os, "fstat", then_changing)
    with pytest.raises(ImageError, match="written to"):
        read_image_file(path)
