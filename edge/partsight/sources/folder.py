"""A folder of image files as a source, in the order of their names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from partsight.errors import ImageError
from partsight.image.spec import PreprocessSpec
from partsight.image_files.read import find_image_files, read_images
from partsight.image_files.walk import LeftOut
from partsight.records import Fault, Frame
from partsight.utils.wall_clock import file_time, utc_now

__all__ = ["FolderSource"]

logger = logging.getLogger(__name__)


class FolderSource(nullcontext["FolderSource"]):
    """Frames from a folder's image files. A frame's time is its file's time of change.

    Raises:
        DatasetError: the folder has no image files.
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
        return captured_at(path, path.stat().st_mtime)
    except OSError:  # removed after it was read
        return utc_now()


def captured_at(path: Path, changed_s: float) -> datetime:
    """The time of an image file's last change; now, with a warning, if that is no date.

    Args:
        path: of the file, for the warning.
        changed_s: its time of change, seconds since 1970.
    """
    changed_at = file_time(changed_s)
    if changed_at is None:
        logger.warning(
            "%s: its time of change is not a possible date; the present time is recorded", path
        )
    return changed_at or utc_now()
