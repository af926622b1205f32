"""Periodic work ends with the block, and failures are retried."""

from __future__ import annotations

import logging
import threading

import pytest

from partsight.errors import OutputError
from partsight.utils.periodic import Periodic


def test_work_runs_at_once_and_periodically_until_the_block_ends() -> None:
    before, thrice = set(threading.enumerate()), threading.Event()
    times = []

    def work() -> None:
        times.append(1)
        if len(times) == 3:
            thrice.set()

    with Periodic("work", work, 0.001):
        assert thrice.wait(30)
    assert set(threading.enumerate()) == before


def test_a_failure_is_logged_and_retried(caplog: pytest.LogCaptureFixture) -> None:
    again = threading.Event()
    outcomes = iter([OutputError("no room"), None])

    def work() -> None:
        outcome = next(outcomes, None)
        if outcome is not None:
            raise outcome
        again.set()

    with caplog.at_level(logging.WARNING, "partsight"), Periodic("prune", work, 0.001):
        assert again.wait(30)
    assert [record.getMessage() for record in caplog.records] == ["prune: no room"]
