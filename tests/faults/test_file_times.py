"""Files and archive members whose time of change is no date."""

from __future__ import annotations

import io
import json
import logging
import math
import os
import tarfile
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from partsight.cli.main import main
from partsight.sources.folder import captured_at
from partsight.utils.wall_clock import file_time, utc_now

PNG = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
NO_DATES = [3e11, -3e11, 1e300, -1e300, math.inf, -math.inf, math.nan, 253402300799.0]


@pytest.mark.parametrize("seconds", NO_DATES)
def test_a_time_that_is_no_date_is_none(seconds: float) -> None:
    assert file_time(seconds) is None


@given(st.floats(min_value=-6.2e10, max_value=2.53e11))
def test_every_date_can_be_shown_in_any_time_zone(seconds: float) -> None:
    found = file_time(seconds)
    assert found is not None
    assert abs(found.astimezone().timestamp() - seconds) < 1e-3


def test_a_frame_of_such_a_file_has_the_present_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert abs((captured_at(Path("a.png"), 3e11) - utc_now()).total_seconds()) < 60
    assert "a.png: its time of change is not a possible date" in caplog.text
    assert captured_at(Path("a.png"), 0) == datetime(1970, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("mtime", ["inf", "-inf", "nan", "300000000000", "-1e300", "1e300"])
def test_such_a_member_of_an_archive_ends_no_batch(
    tmp_path: Path, model_path: Path, mtime: str
) -> None:
    with tarfile.open(tmp_path / "images.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a.png", "b.png"):
            member = tarfile.TarInfo(name)
            member.size = len(PNG)
            member.pax_headers = {"mtime": mtime}
            archive.addfile(member, io.BytesIO(PNG))
    arguments = ["classify", str(model_path), str(tmp_path / "images.tar"), "--details", "--quiet"]
    done = CliRunner().invoke(main, arguments)

    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [os.path.basename(row["path"]) for row in rows] == ["a.png", "b.png"], done.output
    assert {row["modified_at"] for row in rows} == {None}
