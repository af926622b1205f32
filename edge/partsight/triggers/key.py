"""A line from a terminal as a trigger: Enter alone, or the part's id, as bar code readers type.

A device of its own sends ids: its empty lines are what is left of a CR and LF, and no parts.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from partsight.errors import ConfigError
from partsight.health.vitals import Vitals
from partsight.triggers.inbox import Inbox
from partsight.triggers.part_id import plain_id

if TYPE_CHECKING:
    from partsight.config.trigger import KeyTriggerConfig

__all__ = ["key_listener"]

logger = logging.getLogger(__name__)

_POLL_S = 0.1
_READ_BYTES = 4096


@contextlib.contextmanager
def key_listener(config: KeyTriggerConfig, inbox: Inbox, vitals: Vitals) -> Iterator[None]:
    """Put an occasion into the inbox for each line; the last line is the end of the trigger.

    Raises:
        ConfigError: the device cannot be opened.
    """
    ended = threading.Event()
    take = _taker(inbox, empty_too=config.device is None)
    with _opened(config) as descriptor:

        def read() -> None:
            _read(descriptor, take, ended)
            inbox.close()

        reading = threading.Thread(target=read, name="trigger key", daemon=True)
        reading.start()
        vitals.state("trigger", "listening", str(config.device or "stdin"))
        try:
            yield
        finally:
            ended.set()
            reading.join()


@contextlib.contextmanager
def _opened(config: KeyTriggerConfig) -> Iterator[int]:
    if config.device is None:
        yield sys.stdin.fileno()
        return
    try:
        descriptor = os.open(config.device, os.O_RDONLY | os.O_NOCTTY)
    except OSError as error:
        raise ConfigError(
            f"cannot read triggers from {config.device}: {error.strerror}. Name a terminal or bar "
            "code reader that is connected and readable by this user."
        ) from error
    try:
        if os.isatty(descriptor):
            import tty  # POSIX has it

            tty.setraw(descriptor)  # else it would send back to the reader what that sends
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int, take: Callable[[bytes], None], ended: threading.Event) -> None:
    """Take each line. Not by ``readline``: a thread that waits in it cannot be ended."""
    rest = b""
    while not ended.is_set():
        if not select.select([descriptor], [], [], _POLL_S)[0]:
            continue
        try:
            data = os.read(descriptor, _READ_BYTES)
        except OSError:  # the reader was unplugged
            data = b""
        *lines, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
        if not data and rest:
            lines = [rest]
        for line in lines:
            take(line)
        if not data:
            break
        rest = rest[:_READ_BYTES]


def _taker(inbox: Inbox, *, empty_too: bool) -> Callable[[bytes], None]:
    def take(line: bytes) -> None:
        part_id = _part_id(line)
        if line.strip() or empty_too:
            inbox.put(part_id)

    return take


def _part_id(line: bytes) -> str | None:
    try:
        return plain_id(line.decode("utf-8"))
    except ValueError as error:
        logger.warning("a line is taken without its id: %s", error)
        return None
