"""Output to file descriptor 2 is held back, and written after a failure."""

from __future__ import annotations

import os
import sys

import pytest

from partsight.utils.native_output import suppressed_stderr


def test_output_is_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    with suppressed_stderr():
        os.write(2, b"banner\n")
    os.write(2, b"after\n")

    assert capfd.readouterr().err == "after\n"


def test_output_before_a_failure_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with suppressed_stderr():
            os.write(2, b"the reason\n")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()

    assert capfd.readouterr().err == "the reason\n"


def test_no_descriptor_is_left_open() -> None:
    before = os.dup(0)
    os.close(before)
    for _ in range(5):
        with suppressed_stderr():
            pass
    after = os.dup(0)
    os.close(after)

    assert after == before


def test_a_closed_stderr_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    done = []
    with suppressed_stderr():
        done.append(True)
    assert done
