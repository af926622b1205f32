"""Images in zip and tar archives, read one member at a time; nothing is unpacked to the disk."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from partsight.image_files.read import is_image_file
from partsight.image_files.walk import LeftOut, is_ignored
from partsight.inputs.base import Input, InputImage, Unreadable
from partsight.utils.bounded_tar import BoundedTarInfo
from partsight.utils.limits import MAX_IMAGE_BYTES
from partsight.utils.wall_clock import file_time

__all__ = ["images_in_tar", "images_in_zip"]

_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,  # zipfile, for members with a password
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def images_in_zip(path: Path, left_out: LeftOut) -> Iterator[Input]:
    """The images in a zip archive, in the archive's order; names are ignored as in a folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.is_dir() or not _is_image_member(member.filename, left_out):
                    continue
                name = f"{path}!/{member.filename}"
                try:
                    with archive.open(member) as stream:
                        data = _read(stream, member.file_size)
                except _DAMAGE as error:
                    yield Unreadable(name, f"the archive's member cannot be read: {error}")
                    continue
                yield InputImage(name, data)
    except _DAMAGE as error:
        yield _damaged(path, error)


def images_in_tar(path: Path, left_out: LeftOut) -> Iterator[Input]:
    """The images in a tar archive, compressed or not; see ``images_in_zip``."""
    try:
        # As a stream: the list of members would grow with their number.
        with tarfile.open(path, "r|*", tarinfo=BoundedTarInfo) as archive:
            for member in archive:
                if not member.isfile() or not _is_image_member(member.name, left_out):
                    continue
                stream = archive.extractfile(member)
                data = b"" if stream is None else _read(stream, member.size)
                modified_at = file_time(member.mtime)
                yield InputImage(f"{path}!/{member.name}", data, modified_at)
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
    except _DAMAGE as error:
        yield _damaged(path, error)


def _is_image_member(name: str, left_out: LeftOut) -> bool:
    """Whether a member is an image file, with the rules for folders; other files are counted."""
    path = PurePosixPath(name)
    if any(is_ignored(part) for part in path.parts if part not in (".", "..")):
        return False
    if not is_image_file(path):
        left_out.count(path)
        return False
    return True


def _read(stream: IO[bytes], announced: int) -> bytes:
    if announced > MAX_IMAGE_BYTES:
        raise ValueError(f"{announced} bytes, at most {MAX_IMAGE_BYTES} allowed")
    data = stream.read(announced + 1)
    if len(data) != announced:
        raise EOFError(f"{announced} bytes expected, {len(data)} received")
    return data


def _damaged(path: Path, error: BaseException) -> Unreadable:
    reason = getattr(error, "strerror", None) or error or type(error).__name__
    return Unreadable(str(path), f"the archive cannot be read completely: {reason}")
