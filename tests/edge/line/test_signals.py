"""Signals set flags only; previous handlers are restored."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from partsight.line.signals import LineSignals

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other systems have other signals")


@pytest.mark.parametrize(
    ("sent", "stop", "reload"),
    [
        ([], False, False),
        ([signal.SIGTERM], True, False),
        ([signal.SIGINT], True, False),
        ([signal.SIGTERM, signal.SIGTERM], True, False),
        ([signal.SIGHUP], False, True),
        ([signal.SIGHUP, signal.SIGHUP, signal.SIGTERM], True, True),
    ],
)
def test_each_signal_sets_its_request(sent: list[signal.Signals], stop: bool, reload: bool) -> None:
    with LineSignals() as signals:
        for number in sent:
            signal.raise_signal(number)
        assert signals.stop is stop
        assert signals.take_reload() is reload
        assert signals.take_reload() is False
        assert signals.stop is stop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_handlers_come_back(number: signal.Signals) -> None:
    seen: list[int] = []
    before = signal.signal(number, lambda received, frame: seen.append(received))
    try:
        with LineSignals():
            signal.raise_signal(number)
        assert seen == []
        signal.raise_signal(number)
        assert seen == [number]
    finally:
        signal.signal(number, before)


def test_a_second_interrupt_leaves_a_line_that_hangs() -> None:
    # A process that a script started in the background ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with LineSignals() as signals:
        signal.raise_signal(signal.SIGINT)
        assert signals.stop
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_only_the_main_thread_hears_signals() -> None:
    errors: list[ValueError] = []

    def enter() -> None:
        try:
            LineSignals().__enter__()
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert len(errors) == 1
