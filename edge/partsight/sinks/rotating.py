"""Verdicts in files, JSON lines or CSV, rotated by size and by day.

Rows are acknowledged once they are on the disk, in the file of that name: one that was moved or
removed meanwhile is noticed, and the rows are delivered again into a new file.

``verdicts.csv`` is the current file; older files have a number and the time of their rotation, UTC:
``verdicts-000017-20240506T070809Z.csv``. Only those with the highest numbers are kept: the time may
be wrong.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from partsight.errors import SinkUnavailable
from partsight.results.base import Row, Sink
from partsight.results.csv import CsvSink
from partsight.results.jsonl import JsonLinesSink
from partsight.results.repair import csv_header, whole_bytes
from partsight.results.text import ERRORS
from partsight.sinks.base import LineSink
from partsight.utils.files import free_name, sync_path
from partsight.utils.wall_clock import file_time, utc_now

if TYPE_CHECKING:
    from partsight.config.sinks import CsvSinkConfig, JsonLinesSinkConfig

__all__ = ["RotatingSink", "open_sink"]

logger = logging.getLogger(__name__)

# Verdicts are for the owner and the group only.
_FILE_MODE, _FOLDER_MODE = 0o640, 0o750


class RotatingSink:
    """A ``LineSink`` that writes files.

    Args:
        path: of the current file; its folder is created.
        kind: format of the rows.
        max_bytes: size from which the file is rotated; None sets no limit.
        daily: whether the file is rotated at the end of the day, UTC.
        keep: number of rotated files to keep; None keeps all.
        now: wall-clock time, UTC.

    Raises:
        SinkUnavailable: on entering and on delivering, if the disk cannot be written.
    """

    def __init__(
        self,
        path: Path,
        kind: Literal["jsonl", "csv"],
        *,
        max_bytes: int | None = None,
        daily: bool = False,
        keep: int | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._path, self._kind = path, kind
        self._max_bytes, self._daily, self._keep = max_bytes, daily, keep
        self._now = now
        self._stream: IO[str] | None = None
        self._sink: Sink | None = None
        self._day: date = now().date()

    def __enter__(self) -> RotatingSink:
        try:
            self._path.parent.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
            if self._path.exists():
                self._repair()
            if self._path.exists():
                modified = self._path.stat().st_mtime
                self._day = (file_time(modified) or self._now()).date()
        except OSError as error:
            raise self._unavailable(error) from error
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def _repair(self) -> None:
        """Cut off a torn row, which was not acknowledged; move a file of another writer aside."""
        if not self._path.is_file():
            raise OSError(errno.EINVAL, "not a regular file")
        try:
            whole = whole_bytes(self._path, self._kind)
        except ValueError as reason:
            isolated = free_name(self._path, "not-ours", self._now())
            self._path.rename(isolated)
            logger.warning(
                "%s was not written by this sink, or was changed: %s. The file is renamed to %s, "
                "and the sink starts a new file",
                self._path,
                reason,
                isolated.name,
            )
        else:
            if whole < self._path.stat().st_size:
                os.truncate(self._path, whole)

    def deliver(self, rows: Sequence[Row]) -> int:
        """Write rows; they are on the disk when this returns."""
        try:
            if rows and self._is_due(rows[0]):
                self._rotate()
            sink, stream = self._opened()
            for row in rows:
                sink.write(row)
            stream.flush()
            os.fsync(stream.fileno())
            self._require_same_file(stream)
        except OSError as error:
            # A torn line is cut off when the file is opened again; complete ones come twice.
            self._close()
            raise self._unavailable(error) from error
        return len(rows)

    def _require_same_file(self, stream: IO[str]) -> None:
        """Raise an error if the path no longer leads to the open file."""
        try:
            same = os.path.samestat(os.fstat(stream.fileno()), self._path.stat())
        except FileNotFoundError:
            same = False
        if not same:
            raise OSError(errno.ESTALE, "the file was moved, removed or replaced")

    def report(self, status: Mapping[str, Any]) -> bool:
        """Write nothing: the file holds verdicts only."""
        return False

    def _is_due(self, row: Row) -> bool:
        if not self._path.exists() or self._path.stat().st_size == 0:
            return False
        if self._daily and self._now().date() != self._day:
            return True
        if self._max_bytes is not None and self._path.stat().st_size >= self._max_bytes:
            return True
        # A file of an older version may have other columns.
        opening = self._sink is None
        return opening and self._kind == "csv" and csv_header(self._path) != list(row)

    def _rotate(self) -> None:
        self._close()
        self._path.rename(self._next_name())
        ended = self._all_ended()
        for old in ended[: max(0, len(ended) - self._keep)] if self._keep is not None else []:
            old.unlink()

    def _all_ended(self) -> list[Path]:
        """Return the rotated files, oldest first; files with other names are ignored."""
        numbers = {each: _number(each, self._path) for each in self._path.parent.iterdir()}
        found = [path for path, number in numbers.items() if number is not None]
        return sorted(found, key=lambda path: (numbers[path], path.name))

    def _next_name(self) -> Path:
        ended = self._all_ended()
        number = 1 + ((_number(ended[-1], self._path) or 0) if ended else 0)
        stem = f"{self._path.stem}-{number:06}-{self._now():%Y%m%dT%H%M%SZ}"
        return self._path.with_name(stem + self._path.suffix)

    def _opened(self) -> tuple[Sink, IO[str]]:
        if self._sink is None or self._stream is None:
            new = not self._path.exists() or self._path.stat().st_size == 0
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _FILE_MODE)
            self._stream = os.fdopen(descriptor, "a", encoding="utf-8", errors=ERRORS, newline="")
            if new:
                self._day = self._now().date()
                sync_path(self._path.parent)
            self._sink = (
                CsvSink(self._stream, header=new)
                if self._kind == "csv"
                else JsonLinesSink(self._stream)
            )
        return self._sink, self._stream

    def _close(self) -> None:
        self._sink = None
        if self._stream is not None:
            with contextlib.suppress(OSError):  # no space for the buffered end
                self._stream.close()
            self._stream = None

    def _unavailable(self, error: OSError) -> SinkUnavailable:
        return SinkUnavailable(
            f"cannot write {self._path}: {error.strerror or error}. "
            "Expected a writable folder with free space."
        )


def _number(path: Path, current: Path) -> int | None:
    """Return the number of a rotated file; 0 if an older version named it by its time alone.

    None if it is another file.
    """
    stem, suffix = re.escape(current.stem), re.escape(current.suffix)
    name = rf"{stem}(?:-(?P<number>\d{{6,}}))?-\d{{8}}T\d{{6}}Z(?:-\d{{3,}})?{suffix}"
    found = re.fullmatch(name, path.name)
    return None if found is None else int(found["number"] or 0)


def open_sink(config: CsvSinkConfig | JsonLinesSinkConfig) -> LineSink:
    """Return the sink for ``kind = "csv"`` or ``"jsonl"``."""
    return RotatingSink(
        config.path,
        config.kind,
        max_bytes=None if config.max_mb is None else int(config.max_mb * 1_000_000),
        daily=config.daily,
        keep=config.keep,
    )
