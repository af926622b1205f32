"""How far a sink has come, kept where a kill or a full disk cannot take it.

Not in the journal's database, whose one writer is the line. A cursor is a small file with two
lines of fixed length, written in turns and in place: a torn write leaves the other one, which is
older, and rows come twice. That is also why it need not be synced for each: what power takes
away is the same.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cursor", "Place"]

_SLOT_BYTES = 128


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a journal that a sink has handed on; 0 is before the first."""

    journal: str
    seq: int


class Cursor:
    """The file of one sink.

    Args:
        path: where; its folder is made.

    Raises:
        OSError: it cannot be read or made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        data = os.pread(self._file, 2 * _SLOT_BYTES, 0)
        slots = [_parsed(data[at : at + _SLOT_BYTES]) for at in (0, _SLOT_BYTES)]
        self._count, self._place = max(filter(None, slots), default=(0, None), key=_count)

    @property
    def place(self) -> Place | None:
        """Where the sink is; None of one that is new."""
        return self._place

    def save(self, place: Place, *, sync: bool) -> None:
        """Write down where the sink is.

        Args:
            place: where.
            sync: whether to wait for the disk.

        Raises:
            OSError: it cannot be written; the place before stays.
        """
        text = f"{self._count + 1} {place.journal} {place.seq}"
        line = f"{text} {zlib.crc32(text.encode()):08x}".encode().ljust(_SLOT_BYTES - 1) + b"\n"
        os.pwrite(self._file, line, (self._count + 1) % 2 * _SLOT_BYTES)
        self._count, self._place = self._count + 1, place
        if sync:
            self.sync()

    def sync(self) -> None:
        """Wait for the disk.

        Raises:
            OSError: it does not take it.
        """
        os.fsync(self._file)

    def close(self) -> None:
        """Sync and close."""
        with contextlib.suppress(OSError):
            self.sync()
        os.close(self._file)


def _count(slot: tuple[int, Place | None]) -> int:
    return slot[0]


def _parsed(line: bytes) -> tuple[int, Place | None] | None:
    """What a slot says; None where that is nothing whole."""
    try:
        text, _, crc = line.decode("ascii").rstrip().rpartition(" ")
        count, journal, seq = text.split(" ")
        if int(crc, 16) == zlib.crc32(text.encode()):
            return int(count), Place(journal, int(seq))
    except ValueError:
        pass
    return None
