"""Rows of a run as they come, so that a run that was stopped goes on where it was.

Beside ``OUT.csv`` lies ``OUT.csv.partial`` while a run is under way: a line of JSON that says what
the run was asked, then all its rows. Each is handed to the system as it comes, so that neither
``kill -9`` nor a full disk takes more than the last; a row that is torn is taken for none.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from partsight.errors import OutputError
from partsight.results.base import Row
from partsight.results.repair import whole_bytes

__all__ = ["Spool", "spool_path"]


def spool_path(output: Path) -> Path:
    """Where the rows of a run for ``output`` lie until it ends."""
    return output.with_name(output.name + ".partial")


class Spool:
    """The rows of one run. A context manager; what was written stays until ``remove``.

    Args:
        output: the file that the rows are for.
        asked: what decides the rows, such as the model and thresholds: as JSON knows it.
        resume: whether to go on with rows that are there.

    Raises:
        OutputError: it cannot be written, or another run is at it; there are rows and ``resume``
            is not set; or they are of a run that was asked something else.
    """

    def __init__(self, output: Path, asked: Mapping[str, Any], *, resume: bool) -> None:
        self._path, self._empty = spool_path(output), False
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open("ab+", buffering=0)
            with contextlib.ExitStack() as unless_begun:
                unless_begun.enter_context(self._stream)
                self._lock()
                self._begin(asked, resume)
                unless_begun.pop_all()
        except OSError as error:
            raise self._refused(error) from error

    def rows(self) -> Iterator[dict[str, Any]]:
        """All rows that are whole, from the first."""
        with self._path.open("rb") as stream:
            next(stream, None)
            yield from map(json.loads, stream)

    def write(self, row: Row) -> None:
        """Keep one more row.

        Raises:
            OutputError: it cannot be written; the rows before it stay.
        """
        self._append(row)
        self._empty = False

    def remove(self) -> None:
        """Forget the rows: they are where they were asked for."""
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.close()
        if self._empty:
            self.remove()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"{self._path} is being written to by another run. Wait for its end, or choose "
                "another output."
            ) from error

    def _begin(self, asked: Mapping[str, Any], resume: bool) -> None:
        os.ftruncate(self._stream.fileno(), whole_bytes(self._path, "jsonl"))
        self._stream.seek(0)
        lines = self._stream.readlines(1)
        had = self._stream.read(1)
        self._empty = not had
        if had and not resume:
            raise OutputError(
                f"{self._path} has rows of a run that was stopped. Expected --resume to go on "
                "with it, or no such file: remove it to begin anew."
            )
        if had and json.loads(lines[0]) != json.loads(json.dumps(asked)):
            raise OutputError(
                f"{self._path} is of another run: expected {json.dumps(asked)}, received "
                f"{lines[0].decode().strip()}. Ask the same, or remove it to begin anew."
            )
        if not had:
            os.ftruncate(self._stream.fileno(), 0)
            self._append(asked)

    def _append(self, row: Row) -> None:
        line = json.dumps(row).encode() + b"\n"
        try:
            while line:  # a disk that is nearly full takes a part
                line = line[self._stream.write(line) :]
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write {self._path}: {error.strerror or error}. Make room or choose another "
            "place; --resume goes on with the rows that are there."
        )
