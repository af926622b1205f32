"""What a run left is read back, also where another program saved it in its own form."""

from __future__ import annotations

from pathlib import Path

import pytest

from partsight.errors import OutputError
from partsight_train.data.dataset import Split
from partsight_train.run.run_dir import RunDir


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t")]
)
def test_a_list_of_pictures_that_a_spreadsheet_saved(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    rows = [("Path", "label", "split", "sha256"), ("/x/ä.png", "ok", "train", "00ff")]
    text = "".join(delimiter.join(row) + "\r\n" for row in rows)
    (tmp_path / "pictures.csv").write_bytes(text.encode(encoding))
    expected = [(Path("/x/ä.png"), "ok", Split.TRAIN, b"\0\xff")]
    assert RunDir(tmp_path).read_images() == expected


def test_a_list_without_a_column_says_which(tmp_path: Path) -> None:
    (tmp_path / "pictures.csv").write_text("path,label,split\n/x.png,ok,train\n")
    with pytest.raises(OutputError, match="it has no column sha256"):
        RunDir(tmp_path).read_images()
