"""A folder of Parquet files, on a disk or in an object store, that is marked when it is complete.

On a disk the files are in ``OUT.partial`` until the folder is renamed. Object stores cannot rename
folders; everywhere, ``_SUCCESS`` is the last file that is written.
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

from partsight.batch.ray_engine.stores import arrow_fs, is_uri, open_uri, uri_without_keys
from partsight.errors import OutputError
from partsight.results.parquet import COMPRESSION
from partsight.utils.files import atomic_path, sync_path

__all__ = ["WHOLE", "OutputFolder", "open_output_folder"]

WHOLE = "_SUCCESS"
_SETTINGS = "_asked.json"
_REPORT = b"partsight"

# Stores in which a file becomes visible when it is closed, not earlier.
_OBJECT_STORES = frozenset({"s3", "gcs", "abfs"})


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """The output folder of a run; it is sent to the workers.

    Attributes:
        name: for messages.
        filesystem: of pyarrow.
        path: path of the complete folder within the filesystem.
        partial: path of the folder while the run is in progress.
    """

    name: str
    filesystem: Any
    path: str
    partial: str

    def is_whole(self) -> bool:
        """Whether the folder contains a complete run."""
        return WHOLE in self._names(self.path)

    def begin(self, settings: Mapping[str, Any], files: Iterable[str], *, resume: bool) -> None:
        """Create the folder, or check that a stopped run in it can be continued.

        Args:
            settings: JSON values that decide the rows.
            files: the names of all files of the run.
            resume: whether to continue a stopped run.

        Raises:
            OutputError: the folder has other files, or cannot be written.
        """
        existing = self._names(self.partial)
        other_files = existing and _SETTINGS not in existing
        if self.path != self.partial and self._names(self.path) or other_files:
            raise OutputError(
                f"{self.name} is not empty. Expected a new folder: choose another one, or remove "
                "it."
            )
        if existing:
            self._check_resumable(settings, existing - set(files), resume)
            return
        with self._output_errors():
            self.filesystem.create_dir(self.partial)
            self._write(_SETTINGS, json.dumps(settings).encode())

    def report_of(self, file: str) -> dict[str, Any] | None:
        """The report stored in the file of a chunk; None if it does not exist."""
        path = self._below(file)
        (info,) = self.filesystem.get_file_info([path])
        if info.type != arrow_fs().FileType.File:
            return None
        parquet = importlib.import_module("pyarrow.parquet")
        with self.filesystem.open_input_file(path) as stream:
            report: dict[str, Any] = json.loads(parquet.read_metadata(stream).metadata[_REPORT])
        return report

    def write_chunk(self, file: str, table: Any, report: Mapping[str, Any]) -> None:
        """Write the rows of a chunk; the file appears whole, and replaces one with the same rows.

        Raises:
            OutputError: it cannot be written.
        """
        pa = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
        buffer = pa.BufferOutputStream()
        marked = table.replace_schema_metadata({_REPORT: json.dumps(report)})
        parquet.write_table(marked, buffer, compression=COMPRESSION)
        with self._output_errors():
            self._write(file, buffer.getvalue())

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Mark the folder as complete.

        Raises:
            OutputError: it cannot be written.
        """
        with self._output_errors():
            for name in self._names(self.partial):
                if name.startswith("."):  # left by a worker that was killed
                    self.filesystem.delete_file(self._below(name))
            self._write(WHOLE, json.dumps(summary).encode())
            if self.path != self.partial:
                self.filesystem.move(self.partial, self.path)
                if self._is_local():
                    sync_path(Path(self.path).parent)

    def _check_resumable(self, settings: Mapping[str, Any], others: set[str], resume: bool) -> None:
        if not resume:
            raise OutputError(
                f"{self.partial} has rows of a run that was stopped. Continue it with --resume, or "
                "remove the folder to start again."
            )
        with self.filesystem.open_input_stream(self._below(_SETTINGS)) as stream:
            before = json.loads(stream.read())
        if before != json.loads(json.dumps(settings)):
            raise OutputError(
                f"{self.partial} is from a run with other settings: expected "
                f"{json.dumps(settings)}, received {json.dumps(before)}. Use the same settings, or "
                "remove the folder to start again."
            )
        unexpected = sorted(name for name in others if name.startswith("part-"))
        if unexpected:
            raise OutputError(
                "the inputs are not those of the run that was stopped, which wrote "
                f"{unexpected[0]}. Give the same inputs, or remove {self.partial} to start again."
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
        with self._output_errors():
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
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"cannot write {self.name}: {error}. Choose a folder with free space that every "
                "machine can write; --resume keeps the rows written so far."
            ) from error


def open_output_folder(output: str) -> OutputFolder:
    """The output folder at a path or URI; nothing is written yet.

    Raises:
        EnvironmentFault: pyarrow is not installed.
        SourceError: the URI cannot be opened.
    """
    if is_uri(output):
        filesystem, path = open_uri(output)
    else:
        filesystem, path = arrow_fs().LocalFileSystem(), os.path.abspath(output)
    is_store = filesystem.type_name in _OBJECT_STORES
    partial = path if is_store else f"{path}.partial"
    return OutputFolder(uri_without_keys(output), filesystem, path, partial)
