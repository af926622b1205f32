"""A folder of pictures as a source, in the order of their names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path

from partsight.errors import ImageError
from partsight.image.spec import PreprocessSpec
from partsight.image_files.read import find_image_files, read_images
from partsight.image_files.walk import LeftOut
from partsight.records import Fault, Frame
from partsight.utils.wall_clock import utc_now

__all__ = ["FolderSource"]

logger = logging.getLogger(__name__)


class FolderSource(nullcontext["FolderSource"]):
    """Frames from a folder's pictures. A frame's time is its file's time of change.

    Raises:
        DatasetError: the folder has no pictures.
    """

    def __init__(self, folder: Path, spec: PreprocessSpec) -> None:
        super().__init__(self)
        left_out = LeftOut()
        self._paths = find_image_files([folder], left_out)
        self._unreadable, self._spec = left_out.unreadable, spec
        if (text := left_out.text()) is not None:
            logger.warning("%s: %s", folder, text)

    def __iter__(self) -> Iterator[Frame | Fault]:
        """Yield a fault for each folder that cannot be listed, then a frame or fault per file."""
        for index, (path, reason) in enumerate(self._unreadable.items()):
            yield Fault(reason, utc_now(), str(path), index)
        pictures = read_images(self._paths, self._spec)
        for index, (path, picture) in enumerate(pictures, len(self._unreadable)):
            if isinstance(picture, ImageError):
                yield Fault(str(picture), utc_now(), str(path), index)
            else:
                yield Frame(picture, _changed_at(path), str(path), index)


def _changed_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    except OSError:  # it was read, and has gone since
        return utc_now()
