"""Divides the inputs of a run into chunks of names; only lists and folders are read here."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partsight.batch.ray_engine.stores import image_files_below_uri, is_uri, open_uri, read
from partsight.errors import SourceError
from partsight.image_files.walk import LeftOut
from partsight.inputs.base import Input, InputImage, Unreadable
from partsight.inputs.open import entries, images_at

__all__ = ["Chunk", "Planner", "read_entry"]

# Name, path, number of the filesystem (None: this path is absolute and local), reason for having no
# path. Plain values, because they are sent as JSON, which keeps names that are not UTF-8.
_Entry = tuple[str, str | None, int | None, str | None]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive inputs.

    Attributes:
        number: position of the chunk, from 0.
        inputs: JSON list of entries for ``read_entry``.
    """

    number: int
    inputs: str

    @property
    def file(self) -> str:
        """Name of its result file: sorted by position, and different for other inputs."""
        digest = hashlib.sha256(self.inputs.encode()).hexdigest()[:16]
        return f"part-{self.number:09}-{digest}.parquet"


@dataclass
class Planner:
    """Lists inputs with their filesystems.

    Attributes:
        filesystems: of pyarrow, of the inputs listed so far.
        left_out: collects files in folders that are not read.
    """

    filesystems: list[Any] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)

    def chunks(self, paths: Iterable[str], size: int) -> Iterator[Chunk]:
        """All inputs, in chunks of ``size``.

        Raises:
            SourceError: an input is an archive, a video, or a URI that cannot be opened.
        """
        listed = self._entries(paths)
        for number in itertools.count():
            if not (some := list(itertools.islice(listed, size))):
                return
            yield Chunk(number, json.dumps(some))

    def _entries(self, paths: Iterable[str]) -> Iterator[_Entry]:
        for entry in entries(paths):
            if isinstance(entry, Unreadable):
                yield entry.name, None, None, entry.reason
            elif is_uri(entry):
                yield from self._at_uri(entry)
            else:
                yield from map(_local_entry, images_at(entry, self.left_out))

    def _at_uri(self, uri: str) -> Iterator[_Entry]:
        filesystem, _ = open_uri(uri)
        number = next((n for n, known in enumerate(self.filesystems) if known is filesystem), None)
        if number is None:
            number = len(self.filesystems)
            self.filesystems.append(filesystem)
        for found in image_files_below_uri(uri, self.left_out):
            if isinstance(found, Unreadable):
                yield found.name, None, None, found.reason
            else:
                yield found[0], found[1], number, None


def read_entry(entry: Sequence[Any], filesystems: list[Any]) -> Input:
    """One input of a chunk; a file at a URI is read."""
    name, path, number, reason = entry
    if path is None:
        return Unreadable(name, reason)
    return InputImage(name, Path(path)) if number is None else read(name, filesystems[number], path)


def _local_entry(item: Input) -> _Entry:
    if isinstance(item, Unreadable):
        return item.name, None, None, item.reason
    if not isinstance(item.content, Path):
        raise SourceError(
            f"{item.name} is in an archive or a video: expected files that every worker can open. "
            "Unpack it, or use --engine local."
        )
    # Absolute, because workers have other current folders.
    return item.name, os.path.abspath(item.content), None, None
