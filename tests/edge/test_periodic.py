"""Work that comes round again: it ends with the block, and what fails is tried again."""

from __future__ import annotations

import logging
import threading

import pytest

from partsight.errors import OutputError
from partsight.utils.periodic import Periodic


def test_it_is_done_at_once_and_again_until_the_block_ends() -> None:
    before, thrice = set(threading.enumerate()), threading.Event()
    times = []

    def work() -> None:
        times.append(1)
        if len(times) == 3:
            thrice.set()

    with Periodic("work", work, 0.001):
        assert thrice.wait(30)
    assert set(threading.enumerate()) == before


def test_what_fails_is_said_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
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
