"""OpenCV's threads, and a machine on which it does not load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from partsight.utils.opencv import cv2, one_thread
from partsight.utils.parallel_map import parallel_map


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


@pytest.mark.usefixtures("three_threads")
def test_opencv_uses_one_thread_until_the_last_block_ends() -> None:
    with one_thread():
        with one_thread():
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == 3


@pytest.mark.usefixtures("three_threads")
def test_the_thread_count_is_restored_after_a_stop_or_failure() -> None:
    seen = parallel_map(lambda _: cv2.getNumThreads(), range(9), 2)
    assert next(seen) == (0, 1)
    seen.close()
    assert cv2.getNumThreads() == 3

    with pytest.raises(ZeroDivisionError):
        list(parallel_map(lambda each: 1 // each, range(9), 2))
    assert cv2.getNumThreads() == 3


@pytest.fixture
def broken_cv2(tmp_path: Path) -> Path:
    """A folder with an OpenCV that lacks a system library."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file')\n"
    )
    return folder


@pytest.mark.parametrize("command", [["classify"], ["evaluate"]])
def test_the_missing_library_is_reported_in_one_line(
    run_partsight: Callable, broken_cv2: Path, model_path: Path, tmp_path: Path, command: list[str]
) -> None:
    done = run_partsight(*command, model_path, tmp_path, path=broken_cv2)

    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "libGL.so.1" in line
    assert "opencv-python-headless" in line


def test_help_works_without_opencv(run_partsight: Callable, broken_cv2: Path) -> None:
    done = run_partsight("--help", path=broken_cv2)

    assert done.returncode == 0
    assert "classify" in done.stdout


def test_doctor_works_without_opencv(run_partsight: Callable, broken_cv2: Path) -> None:
    done = run_partsight("doctor", path=broken_cv2)

    assert done.returncode == 1
    assert done.stderr == ""
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert line.startswith("FAIL opencv: image processing needs the package opencv-python")
    assert "libGL.so.1" in line
