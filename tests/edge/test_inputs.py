"""What paths stand for: in the same order every time, and what cannot be read is named."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.inputs.base import Picture, Unreadable
from partsight.inputs.count import count_inputs
from partsight.inputs.lists import paths_in_stream
from partsight.inputs.open import open_inputs

PNG = cv2.imencode(".png", np.zeros((2, 4, 3), np.uint8))[1].tobytes()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders of pictures, and the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("a/1.png", "a/2.JPG", "a/b/3.png", "a/note.md", "a/.hidden.png", "z.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    return tmp_path


def names(*paths: str, every: int = 1) -> list[str]:
    return [taken.name for taken in open_inputs(paths, every)]


def unreadable(*paths: str) -> dict[str, str]:
    return {each.name: each.reason for each in open_inputs(paths) if isinstance(each, Unreadable)}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a"], ["a/1.png", "a/2.JPG", "a/b/3.png"]),
        (["z.png", "a/b"], ["z.png", "a/b/3.png"]),
        (["a/*.png"], ["a/1.png"]),
        (["**/*.png"], ["a/1.png", "a/b/3.png", "z.png"]),
        (["a/[12].*"], ["a/1.png", "a/2.JPG"]),
        (["a/note.md"], ["a/note.md"]),
        (["a/*"], ["a/1.png", "a/2.JPG", "a/b/3.png", "a/note.md"]),
        (["gone.png"], ["gone.png"]),
        (["z.png", "z.png"], ["z.png", "z.png"]),
    ],
)
def test_files_folders_and_patterns(folder: Path, paths: list[str], expected: list[str]) -> None:
    assert names(*paths) == expected
    assert count_inputs(paths) == len(expected)


def test_a_name_that_looks_like_a_pattern_is_a_name_where_there_is_one(folder: Path) -> None:
    Path("part[1].png").write_bytes(PNG)
    assert names("part[1].png") == ["part[1].png"]


def test_a_file_url_is_a_path(folder: Path) -> None:
    Path("with space").mkdir()
    Path("with space/1.png").write_bytes(PNG)
    assert names(f"file://{folder}/with%20space") == [f"{folder}/with space/1.png"]
    assert names(f"file://localhost{folder}/z.png") == [f"{folder}/z.png"]


def test_links_are_followed_but_not_in_circles(folder: Path) -> None:
    Path("a/b/up").symlink_to(folder / "a")
    Path("a/other").symlink_to(folder / "elsewhere")
    Path("elsewhere").mkdir()
    Path("elsewhere/4.png").write_bytes(PNG)
    Path("a/dead.png").symlink_to("nothing")

    assert names("a") == [
        "a/1.png",
        "a/2.JPG",
        "a/b/3.png",
        "a/b/up",
        "a/dead.png",
        "a/other/4.png",
    ]
    assert "not followed" in unreadable("a")["a/b/up"]


def test_folders_may_lie_deeper_than_python_calls(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)

    try:
        found = names("a", "d", "z.png")
    finally:  # pytest, which tidies up, is recursive
        subprocess.run(["rm", "-rf", "d"], check=True)

    assert found[:3] + found[-1:] == ["a/1.png", "a/2.JPG", "a/b/3.png", "z.png"]


def test_what_cannot_be_listed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = os.listdir

    def refusing(path: Path) -> list[str]:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "listdir", refusing)

    assert names("a") == ["a/1.png", "a/2.JPG", "a/b"]
    assert "Permission denied" in unreadable("a")["a/b"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("*.bmp", "nothing matches"),
        ("gone.txt", "the list cannot be read"),
        ("gone.zip", "the archive cannot be read"),
        ("gone.tar.gz", "the archive cannot be read"),
        ("gone.mp4", "cannot open the video"),
    ],
)
def test_what_is_not_there_is_named(folder: Path, path: str, reason: str) -> None:
    ((_, told),) = unreadable(path, "z.png").items()
    assert reason in told
    assert names(path, "z.png")[-1] == "z.png"


def test_lists(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("l.txt").write_text("z.png\r\n\na/b\ngone.png\n")
    Path("l.csv").write_text('label,path\r\nhealthy,z.png\r\n,"a/1.png"\r\n')
    Path("bare.csv").write_text("z.png\na/1.png\n")
    stdin = SimpleNamespace(buffer=io.BytesIO(b"a/2.JPG\0odd\nname.png\0"))
    monkeypatch.setattr("sys.stdin", stdin)

    assert names("l.txt") == ["z.png", "a/b/3.png", "gone.png"]
    assert names("l.csv") == names("bare.csv") == ["z.png", "a/1.png"]
    assert names("-") == ["a/2.JPG", "odd\nname.png"]
    assert count_inputs(["-"]) is None


def test_a_table_that_is_none_is_named_where_it_ends(folder: Path) -> None:
    Path("l.csv").write_bytes(b"path\nz.png\n" + b"x" * 200_000 + b"\n")
    assert names("l.csv") == ["z.png", "l.csv"]
    assert "line 3" in unreadable("l.csv")["l.csv"]


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda b: not set(b) & {0, 10, 13})))
def test_any_names_come_through_a_pipe(entries: list[bytes]) -> None:
    for separator in (b"\n", b"\0"):
        read = list(paths_in_stream(io.BytesIO(separator.join(entries) + separator)))
        assert [os.fsencode(name) for name in read] == entries


def as_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def as_tar(path: Path, members: dict[str, bytes]) -> Path:
    compression = path.suffix.removeprefix(".").replace("tar", "").replace("tgz", "gz")
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("make", "name"),
    [(as_zip, "p.zip"), (as_tar, "p.tar"), (as_tar, "p.tgz"), (as_tar, "p.tar.xz")],
)
def test_archives(folder: Path, make: Callable, name: str) -> None:
    members = {"b/2.png": PNG, "a.png": PNG[:-1], "note.md": b"", "../../up.png": PNG}
    make(Path(name), members)

    found = [each for each in open_inputs([name]) if isinstance(each, Picture)]

    assert [(each.name, each.content) for each in found] == [
        (f"{name}!/{member}", data) for member, data in members.items() if member != "note.md"
    ]
    assert not (folder.parent.parent / "up.png").exists()
    assert count_inputs([name]) is None


@pytest.mark.parametrize(
    ("make", "name"), [(as_zip, "p.zip"), (as_tar, "p.tar"), (as_tar, "p.tar.gz")]
)
def test_damaged_archives_end_in_a_reason(folder: Path, make: Callable, name: str) -> None:
    rng = np.random.default_rng(0)
    members = {f"{n}.png": PNG + rng.bytes(2000) for n in range(5)}
    whole = make(Path(name), members).read_bytes()
    told = 0
    for _ in range(150):
        place, cut = rng.integers(0, len(whole)), rng.integers(1, len(whole))
        flipped = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        for data in (flipped, whole[:cut]):
            Path(name).write_bytes(data)
            found = list(open_inputs([name, "z.png"]))
            assert found[-1].name == "z.png"
            told += any(isinstance(each, Unreadable) for each in found)
    assert told > 100


def test_a_member_with_a_password_is_named(folder: Path) -> None:
    data = bytearray(as_zip(Path("p.zip"), {"a.png": PNG, "b.png": PNG}).read_bytes())
    data[6] |= 1  # of the first local header: encrypted
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and of the first in the directory
    Path("p.zip").write_bytes(data)
    assert names("p.zip") == ["p.zip!/a.png", "p.zip!/b.png"]
    assert "encrypted" in unreadable("p.zip")["p.zip!/a.png"]


def test_a_member_that_says_it_is_huge_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partsight.inputs.archives.MAX_MEMBER_BYTES", len(PNG) - 1)
    as_zip(Path("p.zip"), {"a.png": PNG})
    assert "at most" in unreadable("p.zip")["p.zip!/a.png"]


def test_frames_of_a_video(folder: Path, write_video: Callable[[Path, int], Path]) -> None:
    video = write_video(Path("v.avi"), 7)
    assert names(str(video), every=3) == ["v.avi#0", "v.avi#3", "v.avi#6"]
    (first, *_) = open_inputs([str(video)])
    assert isinstance(first, Picture)
    assert isinstance(first.content, np.ndarray)
