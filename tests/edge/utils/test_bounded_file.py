"""A file is read only up to a limit, whether it is sparse, grows or is a pipe."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from partsight.utils.bounded_file import TooLarge, read_bounded


def test_a_file_up_to_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_bounded(tmp_path / "file", 5) == b"12345"
    with pytest.raises(TooLarge, match="5 bytes: expected at most 4 bytes"):
        read_bounded(tmp_path / "file", 4)


def test_a_sparse_file_counts_with_its_holes(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(TooLarge, match="expected at most 512 MiB"):
        read_bounded(tmp_path / "file", 512 << 20)


@pytest.mark.parametrize("most", [10, 9])
def test_a_pipe_is_read_up_to_the_limit(tmp_path: Path, most: int) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"0123456789",))
    writer.start()
    if most == 10:
        assert read_bounded(tmp_path / "pipe", most) == b"0123456789"
    else:
        with pytest.raises(TooLarge, match="expected at most"):
            read_bounded(tmp_path / "pipe", most)
    writer.join()
