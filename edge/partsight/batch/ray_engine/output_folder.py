"""A folder of Parquet files, on a disk or in a store, that is never taken for whole before it is.

On a disk the parts lie in ``OUT.partial`` until the folder gets its name. A store of objects has no
such rename: there, as on a disk, ``_SUCCESS`` is the last file that is written.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from partsight.batch.ray_engine.stores import arrow_fs, is_uri, opened, shown
from partsight.errors import OutputError
from partsight.results.parquet import COMPRESSION
from partsight.utils.files import atomic_path, sync_path

__all__ = ["WHOLE", "OutputFolder", "open_output_folder"]

WHOLE = "_SUCCESS"
_ASKED = "_asked.json"
_REPORT = b"partsight"

# Of these a file is seen when it is closed, and not before.
_OBJECT_STORES = frozenset({"s3", "gcs", "abfs"})


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """Where the rows of a run go. Travels to the workers.

    Attributes:
        shown: as it was asked for, for messages.
        filesystem: of pyarrow.
        path: in it, of the whole folder.
        partial: in it, of the folder while the run is under way.
    """

    shown: str
    filesystem: Any
    path: str
    partial: str

    def is_whole(self) -> bool:
        """Whether a run has come to its end here."""
        return WHOLE in self._names(self.path)

    def begin(self, asked: Mapping[str, Any], parts: Iterable[str], *, resume: bool) -> None:
        """Make room, or go on with what a stopped run left.

        Args:
            asked: what decides the rows.
            parts: the names of all files that there will be.
            resume: whether to go on with rows that are there.

        Raises:
            OutputError: it holds something else, or cannot be written.
        """
        had = self._names(self.partial)
        if self.path != self.partial and self._names(self.path) or had and _ASKED not in had:
            raise OutputError(
                f"{self.shown} holds something already. Expected a new folder: choose another, or "
                "remove it."
            )
        if had:
            self._go_on(asked, had - set(parts), resume)
            return
        with self._refusing():
            self.filesystem.create_dir(self.partial)
            self._write(_ASKED, json.dumps(asked).encode())

    def report_of(self, part: str) -> dict[str, Any] | None:
        """What was written with a part; None where it is not there."""
        path = self._below(part)
        (info,) = self.filesystem.get_file_info([path])
        if info.type != arrow_fs().FileType.File:
            return None
        parquet = importlib.import_module("pyarrow.parquet")
        with self.filesystem.open_input_file(path) as stream:
            report: dict[str, Any] = json.loads(parquet.read_metadata(stream).metadata[_REPORT])
        return report

    def write_part(self, part: str, table: Any, report: Mapping[str, Any]) -> None:
        """Write a part, which appears whole; one of that name has the same rows.

        Raises:
            OutputError: it cannot be written.
        """
        pa = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
        buffer = pa.BufferOutputStream()
        marked = table.replace_schema_metadata({_REPORT: json.dumps(report)})
        parquet.write_table(marked, buffer, compression=COMPRESSION)
        with self._refusing():
            self._write(part, buffer.getvalue())

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Say that it is whole.

        Raises:
            OutputError: it cannot be written.
        """
        with self._refusing():
            for name in self._names(self.partial):
                if name.startswith("."):  # of a worker that was killed
                    self.filesystem.delete_file(self._below(name))
            self._write(WHOLE, json.dumps(summary).encode())
            if self.path != self.partial:
                self.filesystem.move(self.partial, self.path)
                if self._is_local():
                    sync_path(Path(self.path).parent)

    def _go_on(self, asked: Mapping[str, Any], others: set[str], resume: bool) -> None:
        if not resume:
            raise OutputError(
                f"{self.partial} has rows of a run that was stopped. Expected --resume to go on "
                "with it, or no such folder: remove it to begin anew."
            )
        with self.filesystem.open_input_stream(self._below(_ASKED)) as stream:
            before = json.loads(stream.read())
        if before != json.loads(json.dumps(asked)):
            raise OutputError(
                f"{self.partial} is of another run: expected {json.dumps(asked)}, received "
                f"{json.dumps(before)}. Ask the same, or remove it to begin anew."
            )
        foreign = sorted(name for name in others if name.startswith("part-"))
        if foreign:
            raise OutputError(
                "the inputs are not those of the run that was stopped, which wrote "
                f"{foreign[0]}. Give the same inputs, or remove {self.partial} to begin anew."
            )

    def _write(self, name: str, data: Any) -> None:
        if self._is_local():
            with atomic_path(Path(self._below(name))) as temporary:
                temporary.write_bytes(data)
            return
        at_once = self.filesystem.type_name in _OBJECT_STORES
        path = self._below(name if at_once else f".{name}.{uuid.uuid4().hex}.part")
        with self.filesystem.open_output_stream(path) as stream:
            stream.write(data)
        if not at_once:
            self.filesystem.move(path, self._below(name))

    def _names(self, folder: str) -> set[str]:
        fs = arrow_fs()
        with self._refusing():
            (info,) = self.filesystem.get_file_info([folder])
            if info.type == fs.FileType.File:
                return {PurePosixPath(folder).name}
            found = self.filesystem.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        return {each.base_name for each in found}

    def _below(self, name: str) -> str:
        return f"{self.partial}/{name}"

    def _is_local(self) -> bool:
        return bool(self.filesystem.type_name == "local")

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"cannot write {self.shown}: {error}. Choose a place that every machine can "
                "write, and has room; --resume goes on with the rows that are there."
            ) from error


def open_output_folder(output: str) -> OutputFolder:
    """The folder that ``-o`` names, a path or a URI; nothing is written yet.

    Raises:
        EnvironmentFault: pyarrow is not installed.
        SourceError: a URI that cannot be opened.
    """
    if is_uri(output):
        filesystem, path = opened(output)
    else:
        filesystem, path = arrow_fs().LocalFileSystem(), os.path.abspath(output)
    is_store = filesystem.type_name in _OBJECT_STORES
    return OutputFolder(shown(output), filesystem, path, path if is_store else f"{path}.partial")
