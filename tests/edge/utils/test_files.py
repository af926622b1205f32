"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from partsight.errors import OutputError
from partsight.utils.files import atomic_path, create_atomic, write_atomic


def test_a_file_and_its_folders_are_made(tmp_path: Path) -> None:
    destination = tmp_path / "a" / "b" / "out.bin"

    write_atomic(destination, b"new")

    assert destination.read_bytes() == b"new"
    assert os.listdir(destination.parent) == ["out.bin"]


def test_an_old_file_is_replaced_only_at_the_end(tmp_path: Path) -> None:
    destination = tmp_path / "out.bin"
    destination.write_bytes(b"old")

    with atomic_path(destination) as temporary:
        temporary.write_bytes(b"new")
        assert destination.read_bytes() == b"old"
        assert temporary.parent == destination.parent

    assert destination.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out.bin"]


@pytest.mark.parametrize(
    ("raised", "exception"),
    [
        (RuntimeError("stop"), RuntimeError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(28, "No space left on device"), OutputError),
        (OutputError("of an inner file"), OutputError),
    ],
    ids=["error", "interrupt", "full disk", "nested"],
)
@pytest.mark.parametrize("written", [True, False], ids=["half written", "not begun"])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, raised: BaseException, exception: type[BaseException], written: bool
) -> None:
    destination = tmp_path / "out.bin"
    destination.write_bytes(b"old")

    with pytest.raises(exception), atomic_path(destination) as temporary:  # noqa: PT012
        if written:
            temporary.write_bytes(b"half")
        raise raised

    assert destination.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.bin"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"), atomic_path(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_named_with_the_destination(tmp_path: Path) -> None:
    destination = tmp_path / "out.bin"
    with (
        pytest.raises(OutputError, match=r"cannot write .*out\.bin: No space left on device"),
        atomic_path(destination),
    ):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("name", "exception"),
    [
        pytest.param("file/out.bin", OutputError, id="below a file"),
        pytest.param("file/a/out.bin", OutputError, id="far below a file"),
        pytest.param("folder", OutputError, id="onto a folder"),
        pytest.param("x" * 300, OutputError, id="name too long"),
    ],
)
def test_impossible_places_are_refused(
    tmp_path: Path, name: str, exception: type[Exception]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()

    with pytest.raises(exception, match="cannot write"):
        write_atomic(tmp_path / name, b"new")

    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert os.listdir(tmp_path / "folder") == []


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "部" * 85])
def test_the_longest_names_that_a_disk_takes_work(tmp_path: Path, name: str) -> None:
    write_atomic(tmp_path / name, b"new")

    assert os.listdir(tmp_path) == [name]


def test_the_mode_is_that_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")

    write_atomic(tmp_path / "atomic", b"")

    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links, as on FAT"])
def test_a_new_file_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(source: Path, destination: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    destination = tmp_path / "a" / "new.bin"

    assert create_atomic(destination, b"first")
    assert not create_atomic(destination, b"second")

    assert destination.read_bytes() == b"first"
    assert os.listdir(destination.parent) == ["new.bin"]


def test_a_new_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match=r"cannot write .*new\.bin: "):
        create_atomic(tmp_path / "file" / "new.bin", b"data")
