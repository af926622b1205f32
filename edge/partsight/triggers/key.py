"""A line from a terminal as a trigger: Enter alone, or the part's id, as barcode readers type.

A device of its own sends ids: its empty lines are what is left of a CR and LF, and no parts.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.errors import ConfigError
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.id_report import IdReport
from partsight.triggers.trigger_queue import TriggerQueue

if TYPE_CHECKING:
    from partsight.config.trigger import KeyTriggerConfig

__all__ = ["key_listener"]

_POLL_S = 0.1
# Opening a device costs nothing, and people wait for a reader that was plugged in again.
_RETRY_S = 1.0
_READ_BYTES = 4096

_Take = Callable[[bytes], None]


@contextlib.contextmanager
def key_listener(
    config: KeyTriggerConfig, trigger_queue: TriggerQueue, telemetry: Telemetry
) -> Iterator[None]:
    """Put an occasion into the inbox for each line.

    The end of stdin is the end of the trigger; a device that goes away is waited for.

    Raises:
        ConfigError: there is no stdin.
    """
    ended = threading.Event()
    take = _taker(trigger_queue, IdReport(telemetry), empty_too=config.device is None)
    if config.device is None:
        descriptor = _stdin()
        telemetry.state("trigger", "listening", "stdin")

        def work() -> None:
            _read(descriptor, take, ended)
            trigger_queue.close()
    else:
        device = config.device

        def work() -> None:
            _read_device(device, take, telemetry, ended)

    reading = threading.Thread(target=work, name="trigger key", daemon=True)
    reading.start()
    try:
        yield
    finally:
        ended.set()
        reading.join()


def _stdin() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError) as error:  # a service may have none
        raise ConfigError(
            "cannot read triggers from stdin: there is none. Name a device in [trigger]."
        ) from error


def _read_device(device: Path, take: _Take, telemetry: Telemetry, ended: threading.Event) -> None:
    listening = ("trigger", "listening", str(device))
    while not ended.is_set():
        try:
            with _opened(device) as descriptor:
                _read(descriptor, take, ended, partial(telemetry.state, *listening))
            reason = "it was unplugged"
        except OSError as error:
            reason = error.strerror or str(error)
        if not ended.is_set():
            telemetry.state("trigger", "disconnected", f"{device}: {reason}")
            ended.wait(_RETRY_S)


@contextlib.contextmanager
def _opened(device: Path) -> Iterator[int]:
    # Not to wait for a line's carrier, nor for somebody to write into a pipe.
    descriptor = os.open(device, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        if os.isatty(descriptor):
            import tty  # POSIX has it

            tty.setraw(descriptor)  # else it would send back to the reader what that sends
        yield descriptor
    finally:
        os.close(descriptor)


def _read(
    descriptor: int,
    take: _Take,
    ended: threading.Event,
    alive: Callable[[], object] = lambda: None,
) -> None:
    """Take each line until the input ends. Not by ``readline``, whose wait cannot be ended.

    Args:
        descriptor: of the input.
        take: called with each line.
        ended: whether to stop.
        alive: called when the input has not ended: that it could be opened does not show that,
            a pipe that nobody writes into ends at once.
    """
    rest = b""
    while not ended.is_set():
        if not select.select([descriptor], [], [], _POLL_S)[0]:
            alive()
            continue
        try:
            data = os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            continue
        except OSError:  # the reader was unplugged
            data = b""
        if data:
            alive()
        *lines, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
        if not data and rest:
            lines = [rest]
        for line in lines:
            take(line)
        if not data:
            break
        rest = rest[:_READ_BYTES]


def _taker(trigger_queue: TriggerQueue, ids: IdReport, *, empty_too: bool) -> _Take:
    def take(line: bytes) -> None:
        if line.strip() or empty_too:
            trigger_queue.put(ids.read_or_none(line))

    return take
