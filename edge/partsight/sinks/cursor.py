"""Position of a sink in the journal, stored so that it survives a kill or a full disk.

It is not in the journal's database, which has a single writer, the line. A cursor is a small file
with two lines of fixed length, written alternately in place. A torn write leaves the other, older
line, so some rows are delivered twice. The same holds after a power cut, so not every write is
synced.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from partsight.utils.files import free_name
from partsight.utils.wall_clock import utc_now

__all__ = ["Cursor", "Position"]

_SLOT_BYTES = 128


@dataclass(frozen=True, slots=True)
class Position:
    """Id of a journal and seq of the last row that a sink delivered; 0 before the first."""

    journal: str
    seq: int


class Cursor:
    """Cursor file of one sink.

    Args:
        path: of the file; its folder is created.

    Attributes:
        damaged: where a file without a position was moved to; None if the file was in order, or
            there was none.

    Raises:
        OSError: the file cannot be read or created.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        exists = path.exists()
        self._file = _opened(path)
        data = os.pread(self._file, 2 * _SLOT_BYTES, 0)
        slots = [_parsed(data[at : at + _SLOT_BYTES]) for at in (0, _SLOT_BYTES)]
        self._count, self._position = max(filter(None, slots), default=(0, None), key=_count)
        self.damaged: Path | None = None
        if exists and self._position is None:
            os.close(self._file)
            self.damaged = free_name(path, "damaged", utc_now())
            path.rename(self.damaged)
            self._file = _opened(path)

    @property
    def position(self) -> Position | None:
        """The saved position; None for a new sink, or where it is lost."""
        return self._position

    def save(self, position: Position, *, sync: bool) -> None:
        """Save the position.

        Args:
            position: the position.
            sync: whether to wait for the disk.

        Raises:
            OSError: it cannot be written; the previous position stays.
        """
        text = f"{self._count + 1} {position.journal} {position.seq}"
        line = f"{text} {zlib.crc32(text.encode()):08x}".encode().ljust(_SLOT_BYTES - 1) + b"\n"
        os.pwrite(self._file, line, (self._count + 1) % 2 * _SLOT_BYTES)
        self._count, self._position = self._count + 1, position
        if sync:
            self.sync()

    def sync(self) -> None:
        """Wait for the disk.

        Raises:
            OSError: it cannot be synced.
        """
        os.fsync(self._file)

    def close(self) -> None:
        """Sync and close."""
        with contextlib.suppress(OSError):
            self.sync()
        os.close(self._file)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o640)


def _count(slot: tuple[int, Position | None]) -> int:
    return slot[0]


def _parsed(line: bytes) -> tuple[int, Position | None] | None:
    """Return count and position of a line; None if it is torn or empty."""
    try:
        text, _, crc = line.decode("ascii").rstrip().rpartition(" ")
        count, journal, seq = text.split(" ")
        if int(crc, 16) == zlib.crc32(text.encode()):
            return int(count), Position(journal, int(seq))
    except ValueError:
        pass
    return None
