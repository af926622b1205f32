"""From what stands on a command line to parts: so many names, in order, that a worker judges.

Enters: paths and URIs. Leaves: parts, one at a time. Nothing but lists and folders is read here.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partsight.batch.ray_engine.stores import image_files_below_uri, is_uri, opened, read
from partsight.errors import SourceError
from partsight.image_files.walk import LeftOut
from partsight.inputs.base import Input, InputImage, Unreadable
from partsight.inputs.open import entries, images_at

__all__ = ["Part", "Planner", "taken_of"]

# A name, and an absolute path; or the number of a filesystem and a path in it; or why neither.
# Plain values, since they travel as JSON, which keeps the names that are no UTF-8.
_Named = tuple[str, str | None, int | None, str | None]


@dataclass(frozen=True, slots=True)
class Part:
    """Some inputs that follow on each other.

    Attributes:
        number: its place, from 0.
        inputs: JSON, a list of what ``taken_of`` takes.
    """

    number: int
    inputs: str

    @property
    def file(self) -> str:
        """What its rows are written to: sorted by its place, and another one for other inputs."""
        digest = hashlib.sha256(self.inputs.encode()).hexdigest()[:16]
        return f"part-{self.number:09}-{digest}.parquet"


@dataclass
class Planner:
    """Names inputs, and knows in which filesystems they lie.

    Attributes:
        filesystems: of pyarrow, as far as inputs were named.
        left_out: collects files in folders that are not read.
    """

    filesystems: list[Any] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)

    def parts(self, paths: Iterable[str], size: int) -> Iterator[Part]:
        """All inputs, ``size`` a part.

        Raises:
            SourceError: an archive or a video, or a URI that cannot be opened.
        """
        named = self._named(paths)
        for number in itertools.count():
            if not (some := list(itertools.islice(named, size))):
                return
            yield Part(number, json.dumps(some))

    def _named(self, paths: Iterable[str]) -> Iterator[_Named]:
        for entry in entries(paths):
            if isinstance(entry, Unreadable):
                yield entry.name, None, None, entry.reason
            elif is_uri(entry):
                yield from self._at_uri(entry)
            else:
                yield from map(_of_file, images_at(entry, self.left_out))

    def _at_uri(self, uri: str) -> Iterator[_Named]:
        filesystem, _ = opened(uri)
        number = next((n for n, known in enumerate(self.filesystems) if known is filesystem), None)
        if number is None:
            number = len(self.filesystems)
            self.filesystems.append(filesystem)
        for found in image_files_below_uri(uri, self.left_out):
            if isinstance(found, Unreadable):
                yield found.name, None, None, found.reason
            else:
                yield found[0], found[1], number, None


def taken_of(named: Sequence[Any], filesystems: list[Any]) -> Input:
    """One of a part's inputs; what lies at a URI is read."""
    name, path, number, reason = named
    if path is None:
        return Unreadable(name, reason)
    return InputImage(name, Path(path)) if number is None else read(name, filesystems[number], path)


def _of_file(taken: Input) -> _Named:
    if isinstance(taken, Unreadable):
        return taken.name, None, None, taken.reason
    if not isinstance(taken.content, Path):
        raise SourceError(
            f"{taken.name} is in an archive or a video: expected files, which each worker opens "
            "where they lie. Unpack it, or use --engine local."
        )
    # Workers have other current folders.
    return taken.name, os.path.abspath(taken.content), None, None
