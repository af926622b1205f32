"""The files of a run are read back, also after another program has saved them."""

from __future__ import annotations

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
    first = RunDir.create(tmp_path / "run")
    with pytest.raises(OutputError, match="another run is writing into"):
        RunDir.create(tmp_path / "run", resume=resume)
    del first
    assert RunDir.create(tmp_path / "run").path == tmp_path / "run"
