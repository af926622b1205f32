"""Free space of a disk, from the nearest existing folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from partsight.utils.disk import free_bytes


@pytest.mark.parametrize("below", ["", "not/yet/there"])
def test_free_bytes_equal_those_of_the_disk(below: str, tmp_path: Path) -> None:
    assert 0 < free_bytes(tmp_path / below) <= shutil.disk_usage(tmp_path).total


def test_a_missing_disk_raises(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="below"):
        free_bytes(tmp_path / "file" / "below")
