"""Inputs at paths come in a fixed order, and unreadable ones are named."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from partsight.cli.main import main
from partsight.image_files.walk import LeftOut
from partsight.inputs.archives import images_in_tar
from partsight.inputs.base import InputImage, Unreadable
from partsight.inputs.count import count_inputs
from partsight.inputs.lists import path_on_disk, paths_in_stream
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
        (["**"], ["a/1.png", "a/2.JPG", "a/b/3.png", "a/note.md", "z.png"]),
        (["a/**"], ["a/1.png", "a/2.JPG", "a/b/3.png", "a/note.md"]),
        (["*/**/*.png"], ["a/1.png", "a/b/3.png"]),
        (["**/b/*.png"], ["a/b/3.png"]),
        (["**/b/**/*.png"], ["a/b/3.png"]),
        (["a/**/b/3.*"], ["a/b/3.png"]),
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


def test_an_existing_file_whose_name_looks_like_a_pattern(folder: Path) -> None:
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
        "a/dead.png",
        "a/other/4.png",
    ]
    left_out = LeftOut()
    assert list(open_inputs(["a"], left_out=left_out))
    assert [sentence.partition(":")[0] for sentence in left_out.cycles()] == ["a/b/up"]


def test_a_link_in_a_circle_is_a_note_and_no_failed_input(folder: Path, model_path: Path) -> None:
    Path("a/b/up").symlink_to(folder / "a")
    for path in Path("a").rglob("*.[pJ]*"):
        cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))

    done = CliRunner().invoke(main, ["classify", str(model_path), "a"])

    assert done.exit_code == 0, done.stderr
    assert "partsight: a/b/up: a link to one of its parent folders is not followed" in done.stderr
    assert len(done.stdout.splitlines()) == 3


def test_a_pattern_ends_with_crossing_links(folder: Path) -> None:
    for name in ("a/up", "a/b/up", "a/b/again"):
        Path(name).symlink_to(folder)

    assert names("**/*.png") == ["a/1.png", "a/b/3.png", "z.png"]
    assert names("**/gone.png") == ["**/gone.png"]


def test_folders_may_be_nested_deeper_than_the_recursion_limit(folder: Path) -> None:
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


def test_unreadable_folders_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_missing_files_are_named(folder: Path, path: str, reason: str) -> None:
    ((_, message),) = unreadable(path, "z.png").items()
    assert reason in message
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


BELOW = "a/ü/1.png"
NFD = unicodedata.normalize("NFD", BELOW)
PATHS = ["a/1.png", "a/2.JPG", BELOW]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "not ended"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_a_list_in_every_encoding(
    folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, last: bool, end: str
) -> None:
    Path(BELOW).parent.mkdir()
    Path(BELOW).write_bytes(PNG)
    text = end.join(PATHS) + end * last
    Path("l.txt").write_bytes(text.encode(encoding))
    Path("l.csv").write_bytes(("Path" + end + text).encode(encoding))
    stdin = SimpleNamespace(buffer=io.BytesIO(text.encode(encoding)))
    monkeypatch.setattr("sys.stdin", stdin)

    assert names("l.txt") == names("l.csv") == names("-") == PATHS


@pytest.mark.parametrize(
    "table",
    [
        "label;Path\nok;{}\n",
        "label\tpath \nok\t{}\n",
        'label, "PATH"\nok, "{}"\n',
        "File Name;label\n{};ok\n",
        "id,filename\n1,{}\n",
        "sep=;\nlabel;path\nok;{}\n",
        '"path"\n"{}"\n\n,\n',
        "{};ok;0,5\n",
        "score;file\n0,5;{}\n",
    ],
)
def test_tables_of_other_programs(folder: Path, table: str) -> None:
    Path("l.csv").write_text(table.format("a/1.png"))
    assert names("l.csv") == ["a/1.png"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("a/1.png  ", "a/1.png", id="spaces behind"),
        pytest.param("\ta/1.png", "a/1.png", id="a tab before"),
        pytest.param('"a/1.png"', "a/1.png", id="quotes"),
        pytest.param("'a/1.png' ", "a/1.png", id="single quotes"),
        pytest.param("a\\b\\3.png", "a/b/3.png", id="backslashes"),
        pytest.param("\ufeffa/1.png", "a/1.png", id="mark of a joined file"),
        pytest.param(NFD, BELOW, id="NFD for NFC"),
        pytest.param(f'"{NFD}" ', BELOW, id="NFD in quotes"),
        pytest.param("a/u\u0308/e\u0301.png", "a/ü/e\u0301.png", id="folder NFC, file NFD"),
        pytest.param("a/ü/é.png", "a/ü/e\u0301.png", id="NFC for NFD"),
        pytest.param("trailing ", "trailing ", id="a name that ends with a space"),
        pytest.param('"quoted"', '"quoted"', id="a name in quotes"),
        pytest.param("gone.png ", "gone.png", id="what is not there"),
        pytest.param("gone/ü.png", "gone/ü.png", id="not there, and not ASCII"),
        pytest.param("a/*.png ", "a/1.png", id="a pattern"),
    ],
)
def test_an_entry_of_a_list_matches_an_existing_file(
    folder: Path, line: str, expected: str
) -> None:
    Path("a/ü").mkdir()
    for name in (BELOW, "a/ü/e\u0301.png", "trailing ", '"quoted"'):
        Path(name).write_bytes(PNG)
    Path("l.txt").write_text(f"\n  \n{line}\n\t\n")
    assert names("l.txt") == [expected]


def test_names_in_bytes_that_are_not_utf_8_are_kept(folder: Path) -> None:
    name = os.fsdecode(b"teil-\xe4.png")
    Path(name).write_bytes(PNG)
    Path("l.txt").write_bytes(b"teil-\xe4.png\n")
    Path("l.csv").write_bytes(b"label;path\nok;teil-\xe4.png\n")
    assert names("l.txt") == names("l.csv") == [name]


@pytest.mark.parametrize("name", ["l.txt", "l.csv"])
def test_a_binary_list_is_named_and_nothing_is_read(folder: Path, name: str) -> None:
    Path(name).write_bytes(PNG + b"\0/\0.\0")
    assert names(name) == [name]
    assert "cannot be read" in unreadable(name)[name]


def test_a_malformed_table_is_named_after_its_valid_rows(folder: Path) -> None:
    Path("l.csv").write_bytes(b"path\nz.png\n" + b"x" * 200_000 + b"\n")
    assert names("l.csv") == ["z.png", "l.csv"]
    assert "line 3" in unreadable("l.csv")["l.csv"]


@given(
    st.lists(
        st.binary(min_size=1, max_size=20)
        .filter(lambda name: not set(name) & {0, 10, 13})
        # Names of one byte, with a dot or a slash among them, are UTF-16 by the look of them.
        .filter(lambda name: name not in (b".", b"/", b"\\"))
        .filter(lambda name: not name.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"))),
        min_size=1,
    )
)
def test_any_names_are_read_from_a_pipe(entries: list[bytes]) -> None:
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

    found = [each for each in open_inputs([name]) if isinstance(each, InputImage)]

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
    failures = 0
    for _ in range(150):
        place, cut = rng.integers(0, len(whole)), rng.integers(1, len(whole))
        flipped = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        for data in (flipped, whole[:cut]):
            Path(name).write_bytes(data)
            found = list(open_inputs([name, "z.png"]))
            assert found[-1].name == "z.png"
            failures += any(isinstance(each, Unreadable) for each in found)
    assert failures > 100


def test_a_member_with_a_password_is_named(folder: Path) -> None:
    data = bytearray(as_zip(Path("p.zip"), {"a.png": PNG, "b.png": PNG}).read_bytes())
    data[6] |= 1  # of the first local header: encrypted
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and of the first in the directory
    Path("p.zip").write_bytes(data)
    assert names("p.zip") == ["p.zip!/a.png", "p.zip!/b.png"]
    assert "encrypted" in unreadable("p.zip")["p.zip!/a.png"]


def test_a_member_declared_too_large_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partsight.inputs.archives.MAX_IMAGE_BYTES", len(PNG) - 1)
    as_zip(Path("p.zip"), {"a.png": PNG})
    assert "at most" in unreadable("p.zip")["p.zip!/a.png"]


def test_frames_of_a_video(folder: Path, write_video: Callable[[Path, int], Path]) -> None:
    video = write_video(Path("v.avi"), 7)
    assert names(str(video), every=3) == ["v.avi#0", "v.avi#3", "v.avi#6"]
    (first, *_) = open_inputs([str(video)])
    assert isinstance(first, InputImage)
    assert isinstance(first.content, np.ndarray)


def test_a_path_with_the_apostrophe_of_a_result_file_is_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "=1+1.jpg").touch()
    assert path_on_disk("'=1+1.jpg") == "=1+1.jpg"
    (tmp_path / "'=1+1.jpg").touch()
    assert path_on_disk("'=1+1.jpg") == "'=1+1.jpg"


def test_a_tar_with_a_name_of_3_gb_is_set_aside_unread(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 3_000_000_000
    with (tmp_path / "a.tar").open("wb") as stream:
        stream.write(header.tobuf(tarfile.GNU_FORMAT))
        stream.truncate(3_000_000_000)
    (found,) = images_in_tar(tmp_path / "a.tar", LeftOut())
    assert isinstance(found, Unreadable)
    assert "a header of 3000000000 bytes: expected at most 64 KiB" in found.reason
