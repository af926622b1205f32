"""A line from a terminal or barcode reader as a trigger: Enter alone, or the part's id.

An empty line from a reader device is ignored: it is the rest of a CR LF, not a part.
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
# Short, since opening is cheap and people wait for a reader that was plugged in again.
_RETRY_S = 1.0
_READ_BYTES = 4096

_Take = Callable[[bytes], None]


@contextlib.contextmanager
def key_listener(
    config: KeyTriggerConfig, trigger_queue: TriggerQueue, telemetry: Telemetry
) -> Iterator[None]:
    """Put a trigger event into the queue for each line.

    The trigger ends at the end of stdin. A device that was unplugged is opened again.

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
            "cannot read triggers from stdin: this process has none. Name a device in [trigger]."
        ) from error


def _read_device(device: Path, take: _Take, telemetry: Telemetry, ended: threading.Event) -> None:
    listening = ("trigger", "listening", str(device))
    while not ended.is_set():
        try:
            with _opened(device) as descriptor:
                _read(descriptor, take, ended, partial(telemetry.state, *listening))
            reason = "the device was unplugged"
        except OSError as error:
            reason = error.strerror or str(error)
        if not ended.is_set():
            telemetry.state("trigger", "disconnected", f"{device}: {reason}")
            ended.wait(_RETRY_S)


@contextlib.contextmanager
def _opened(device: Path) -> Iterator[int]:
    # O_NONBLOCK: do not wait for the carrier of a serial line or the writer of a pipe.
    descriptor = os.open(device, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        if os.isatty(descriptor):
            import tty  # POSIX has it

            tty.setraw(descriptor)  # without echo to the reader
        yield descriptor
    finally:
        os.close(descriptor)


def _read(
    descriptor: int,
    take: _Take,
    ended: threading.Event,
    alive: Callable[[], object] = lambda: None,
) -> None:
    """Read lines until the input ends. ``readline`` is not used, since it cannot be interrupted.

    Args:
        descriptor: of the input.
        take: called with each line.
        ended: stops reading when it is set.
        alive: called while the input has not ended. Opening it does not prove that: a pipe
            without a writer opens and ends at once.
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
