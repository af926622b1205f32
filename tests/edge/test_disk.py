"""Room on a disk: that of the nearest folder that is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from partsight.utils.disk import free_bytes


@pytest.mark.parametrize("below", ["", "not/yet/there"])
def test_room_is_that_of_the_disk(below: str, tmp_path: Path) -> None:
    assert 0 < free_bytes(tmp_path / below) <= shutil.disk_usage(tmp_path).total


def test_no_disk_has_no_room(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="below"):
        free_bytes(tmp_path / "file" / "below")
