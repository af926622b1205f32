"""A folder of pictures as a source, in the order of their names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path

from partsight.errors import ImageError
from partsight.picture.spec import PreprocessSpec
from partsight.pictures import find_pictures, read_pictures
from partsight.records import Fault, Frame
from partsight.wall_clock import utc_now

__all__ = ["FolderSource"]


class FolderSource(nullcontext["FolderSource"]):
    """Frames from a folder's pictures. A frame's time is its file's time of change.

    Raises:
        DatasetError: the folder has no pictures.
    """

    def __init__(self, folder: Path, spec: PreprocessSpec) -> None:
        super().__init__(self)
        self._paths = find_pictures([folder])
        self._spec = spec

    def __iter__(self) -> Iterator[Frame | Fault]:
        """Yield a frame a picture, or a fault for one that cannot be decoded."""
        for index, (path, picture) in enumerate(read_pictures(self._paths, self._spec)):
            if isinstance(picture, ImageError):
                yield Fault(str(picture), utc_now(), str(path), index)
            else:
                yield Frame(picture, _changed_at(path), str(path), index)


def _changed_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    except OSError:  # it was read, and has gone since
        return utc_now()
