"""The newest frame, passed between two threads."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone

import numpy as np
import pytest

from partsight.errors import SourceError
from partsight.records import Fault, Frame
from partsight.sources.latest_frame import LatestFrame

WHEN = datetime(2024, 5, 6, tzinfo=timezone.utc)
FAULT = Fault("dark", WHEN, "0", 3)


def frame(arrived_s: float) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), WHEN, "0", 0, arrived_s)


@pytest.fixture
def latest() -> LatestFrame:
    return LatestFrame()


def test_the_newest_is_given_and_given_again(latest: LatestFrame) -> None:
    old, new = frame(1), frame(2)
    assert not latest.put(old, 1)
    assert latest.put(new, 2)
    assert latest.after(0, 0) is new
    assert latest.after(1.5, 0) is new
    assert latest.after(2, 0) is None
    assert not latest.put(frame(3), 3)


def test_an_older_frame_is_not_used(latest: LatestFrame) -> None:
    latest.put(frame(1), 1)
    assert latest.after(1, 0) is None
    assert latest.put(frame(2), 2)


def test_a_fault_is_given_once(latest: LatestFrame) -> None:
    latest.put(FAULT, 1)
    assert latest.after(0, 0) is FAULT
    assert latest.after(0, 0) is None


def test_an_announcement_is_given_once_whatever_the_moment(latest: LatestFrame) -> None:
    latest.announce(FAULT)
    assert latest.after(99, 0) is FAULT
    assert latest.after(99, 0) is None


def test_a_recent_frame_comes_before_an_announcement(latest: LatestFrame) -> None:
    kept = frame(5)
    latest.put(kept, 5)
    latest.announce(FAULT)
    assert latest.after(4, 0) is kept
    assert latest.after(5, 0) is FAULT


def test_a_frame_withdraws_an_announcement(latest: LatestFrame) -> None:
    latest.announce(FAULT)
    latest.put(frame(5), 5)
    assert latest.after(5, 0) is None


def test_closed_and_empty_is_an_error(latest: LatestFrame) -> None:
    latest.put(frame(5), 5)
    latest.close()
    assert latest.after(4, 0) is not None
    with pytest.raises(SourceError, match="the log has the cause"):
        latest.after(5, 99)


@pytest.mark.parametrize("how", ["put", "announce"])
def test_a_waiting_thread_is_woken(latest: LatestFrame, how: str) -> None:
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(latest.after(1, 60)))
    waiting.start()
    if how == "put":
        latest.put(frame(0.5), 0.5)  # not new enough
        latest.put(frame(2), 2)
    else:
        latest.announce(FAULT)
    waiting.join(30)
    assert not waiting.is_alive()
    assert got[0] is FAULT if how == "announce" else isinstance(got[0], Frame)


@pytest.mark.parametrize("timeout_s", [-1.0, 0.0, 0.02])
def test_the_wait_ends_at_the_timeout(latest: LatestFrame, timeout_s: float) -> None:
    """Not a time that is asserted: it would hang."""
    started_s = time.monotonic()
    assert latest.after(0, timeout_s) is None
    assert time.monotonic() - started_s >= timeout_s
