"""The files of a run are read back, also after another program has saved them."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from partsight.errors import OutputError
from partsight_train.data.dataset import Split
from partsight_train.run.run_dir import RunDir


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t")]
)
def test_a_list_saved_by_a_spreadsheet_is_read(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    rows = [("Path", "label", "split", "sha256"), ("/x/ä.png", "ok", "train", "00ff")]
    text = "".join(delimiter.join(row) + "\r\n" for row in rows)
    (tmp_path / "pictures.csv").write_bytes(text.encode(encoding))
    expected = [(Path("/x/ä.png"), "ok", Split.TRAIN, b"\0\xff")]
    assert RunDir(tmp_path).read_images() == expected


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "pictures.csv").write_text("path,label,split\n/x.png,ok,train\n")
    with pytest.raises(OutputError, match="it has no column sha256"):
        RunDir(tmp_path).read_images()


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_run_in_the_same_folder_is_refused_from_the_start(
    tmp_path: Path, resume: bool
) -> None:
    """Both would find it empty, and their files would mix."""
    with (
        RunDir.create(tmp_path / "run"),
        pytest.raises(OutputError, match="another run is writing into"),
        RunDir.create(tmp_path / "run", resume=resume),
    ):
        pass
    with RunDir.create(tmp_path / "run") as next_run:
        assert next_run.path == tmp_path / "run"


def test_a_refused_run_holds_no_lock(tmp_path: Path) -> None:
    """Its error, which a notebook keeps, refers to everything that the run had opened."""
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(OutputError, match="must be new or empty") as kept, RunDir.create(tmp_path):
        pass
    with RunDir.create(tmp_path, resume=True) as run:
        assert run.path == tmp_path
    assert kept.value.__traceback__ is not None


def test_a_refused_folder_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(OutputError, match="must be new or empty"), RunDir.create(tmp_path):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["letters.txt"]


def test_a_file_system_without_locks_on_folders_is_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("partsight_train.run.run_dir.lock_file", refuse)
    with RunDir.create(tmp_path / "run") as run:
        assert run.path == tmp_path / "run"
    assert "cannot be locked (Bad file descriptor)" in caplog.text
