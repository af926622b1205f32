"""Spool file of a run's rows, from which a stopped run is resumed.

While a run for ``OUT.csv`` is in progress, ``OUT.csv.partial`` contains one line of JSON with the
run's settings, then one line per row. Each row is written immediately and unbuffered, so that
``kill -9`` or a full disk loses at most the last one; an incomplete last line is ignored.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from partsight.errors import OutputError
from partsight.results.base import Row
from partsight.results.repair import whole_bytes
from partsight.utils.lock import lock_file

__all__ = ["Spool", "spool_path"]


def spool_path(output: Path) -> Path:
    """The spool file of a run for ``output``."""
    return output.with_name(output.name + ".partial")


class Spool:
    """The rows of one run. A context manager; the file stays until ``remove``.

    Args:
        output: the final file.
        settings: JSON values that decide the rows, such as the model and thresholds.
        resume: whether to continue a stopped run.

    Raises:
        OutputError: the file cannot be written or is in use by another run; it has rows although
            ``resume`` is not set; or its rows are from a run with other settings.
    """

    def __init__(self, output: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
        self._path, self._empty = spool_path(output), False
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open("ab+", buffering=0)
            with contextlib.ExitStack() as on_error:
                on_error.enter_context(self._stream)
                self._lock()
                self._begin(settings, resume)
                on_error.pop_all()
        except OSError as error:
            raise self._refused(error) from error

    def rows(self) -> Iterator[dict[str, Any]]:
        """All complete rows, from the first."""
        with self._path.open("rb") as stream:
            next(stream, None)
            yield from map(json.loads, stream)

    def write(self, row: Row) -> None:
        """Append one row.

        Raises:
            OutputError: it cannot be written; earlier rows stay.
        """
        self._append(row)
        self._empty = False

    def remove(self) -> None:
        """Remove the file, after its rows have been written to the output."""
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()
        if self._empty:
            self.remove()

    def _lock(self) -> None:
        if not lock_file(self._stream, wait=False):
            raise OutputError(
                f"{self._path} is being written by another run. Wait until that run ends, or "
                "choose another output."
            )

    def _whole_bytes(self) -> int:
        try:
            return whole_bytes(self._path, "jsonl", first_column=None)
        except ValueError as error:
            raise OutputError(
                f"cannot continue {self._path}: {error}. The file was changed since the run was "
                "stopped: move it away, or choose another output."
            ) from error

    def _begin(self, settings: Mapping[str, Any], resume: bool) -> None:
        os.ftruncate(self._stream.fileno(), self._whole_bytes())
        self._stream.seek(0)
        lines = self._stream.readlines(1)
        has_rows = self._stream.read(1) != b""
        self._empty = not has_rows
        if has_rows and not resume:
            raise OutputError(
                f"{self._path} has rows of a run that was stopped. Continue it with --resume, or "
                "remove the file to start again."
            )
        if has_rows and json.loads(lines[0]) != json.loads(json.dumps(settings)):
            raise OutputError(
                f"{self._path} is from a run with other settings: expected "
                f"{json.dumps(settings)}, received {lines[0].decode().strip()}. Use the same "
                "settings, or remove the file to start again."
            )
        if not has_rows:
            os.ftruncate(self._stream.fileno(), 0)
            self._append(settings)

    def _append(self, row: Row) -> None:
        line = json.dumps(row).encode() + b"\n"
        try:
            while line:  # a nearly full disk accepts only some of the bytes
                line = line[self._stream.write(line) :]
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write {self._path}: {error.strerror or error}. Free some space or choose "
            "another folder; --resume keeps the rows written so far."
        )
