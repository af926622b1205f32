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
def mailbox() -> LatestFrame:
    return LatestFrame()


def test_the_newest_is_given_and_given_again(mailbox: LatestFrame) -> None:
    old, new = frame(1), frame(2)
    assert not mailbox.put(old, 1)
    assert mailbox.put(new, 2)
    assert mailbox.after(0, 0) is new
    assert mailbox.after(1.5, 0) is new
    assert mailbox.after(2, 0) is None
    assert not mailbox.put(frame(3), 3)


def test_an_older_frame_is_not_used(mailbox: LatestFrame) -> None:
    mailbox.put(frame(1), 1)
    assert mailbox.after(1, 0) is None
    assert mailbox.put(frame(2), 2)


def test_a_fault_is_given_once(mailbox: LatestFrame) -> None:
    mailbox.put(FAULT, 1)
    assert mailbox.after(0, 0) is FAULT
    assert mailbox.after(0, 0) is None


def test_an_announcement_is_given_once_whatever_the_moment(mailbox: LatestFrame) -> None:
    mailbox.announce(FAULT)
    assert mailbox.after(99, 0) is FAULT
    assert mailbox.after(99, 0) is None


def test_a_recent_frame_comes_before_an_announcement(mailbox: LatestFrame) -> None:
    kept = frame(5)
    mailbox.put(kept, 5)
    mailbox.announce(FAULT)
    assert mailbox.after(4, 0) is kept
    assert mailbox.after(5, 0) is FAULT


def test_a_frame_withdraws_an_announcement(mailbox: LatestFrame) -> None:
    mailbox.announce(FAULT)
    mailbox.put(frame(5), 5)
    assert mailbox.after(5, 0) is None


def test_closed_and_empty_is_an_error(mailbox: LatestFrame) -> None:
    mailbox.put(frame(5), 5)
    mailbox.close()
    assert mailbox.after(4, 0) is not None
    with pytest.raises(SourceError, match="the log says why"):
        mailbox.after(5, 99)


@pytest.mark.parametrize("how", ["put", "announce"])
def test_a_waiting_thread_is_woken(mailbox: LatestFrame, how: str) -> None:
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(mailbox.after(1, 60)))
    waiting.start()
    if how == "put":
        mailbox.put(frame(0.5), 0.5)  # not new enough
        mailbox.put(frame(2), 2)
    else:
        mailbox.announce(FAULT)
    waiting.join(30)
    assert not waiting.is_alive()
    assert got[0] is FAULT if how == "announce" else isinstance(got[0], Frame)


@pytest.mark.parametrize("timeout_s", [-1.0, 0.0, 0.02])
def test_the_wait_ends_at_the_timeout(mailbox: LatestFrame, timeout_s: float) -> None:
    """Not a time that is asserted: it would hang."""
    started_s = time.monotonic()
    assert mailbox.after(0, timeout_s) is None
    assert time.monotonic() - started_s >= timeout_s
