"""A line and a batch whose standard streams are closed, full or without a reader."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from partsight.journal import read_rows, verify

PARTS = 12
PARTSIGHT = f"{sys.executable} -m partsight"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0)
    for number in range(PARTS):
        image = noise.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        assert cv2.imwrite(str(folder / f"{number:02}.png"), image)
    return folder


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("output", "state"),
    [
        (">&-", ""),
        (">/dev/full", f"sink stdout: {PARTS} rows not delivered"),
        ("| head -n 1", ""),
        ("| true", ""),
        (">&- 2>&-", ""),
        ("<&- >&- 2>&-", ""),
    ],
)
def test_a_line_with_a_journal_does_not_depend_on_its_standard_output(
    tmp_path: Path, model_path: Path, images: Path, output: str, state: str
) -> None:
    journal = tmp_path / "journal.db"
    done = shell(f"{PARTSIGHT} watch {model_path} --source {images} --journal {journal} {output}")

    assert done.returncode == 0, done
    assert state in done.stderr
    assert len(list(read_rows(journal))) == PARTS
    verify(journal)


@pytest.mark.parametrize("output", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-"])
def test_a_batch_with_an_output_file_needs_no_standard_stream(
    tmp_path: Path, model_path: Path, images: Path, output: str
) -> None:
    done = shell(f"{PARTSIGHT} classify {model_path} {images} -o {tmp_path}/out.csv {output}")

    assert done.returncode == 0, done
    with (tmp_path / "out.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == PARTS


@pytest.mark.parametrize("command", ["classify {}", "watch {} --source"])
def test_rows_for_a_closed_standard_output_are_refused(
    model_path: Path, images: Path, command: str
) -> None:
    done = shell(f"{PARTSIGHT} {command.format(model_path)} {images} >&-")

    assert done.returncode == 1
    assert "the standard output is closed" in done.stderr
