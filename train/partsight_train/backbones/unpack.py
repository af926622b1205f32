"""Extraction of a module's archive to a SavedModel folder, with a check of the whole file.

Not by ``tarfile``'s extraction: before Python 3.11.13, even with ``filter="data"``, links in an
archive lead it to write outside the folder (CVE-2025-4517, CVE-2025-4330, CVE-2025-4138).
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from partsight.errors import ModelError
from partsight.utils.bounded_tar import BoundedTarInfo
from partsight.utils.limits import MAX_ARCHIVE_MEMBERS, MAX_UNPACKED_BYTES, shown_bytes
from partsight.utils.printable import printable
from partsight_train.backbones.cached_build import MODULE_FILE, build_once, is_saved_model

__all__ = ["unpack"]

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


def unpack(archive: Path, folder: Path) -> None:
    """Extract a SavedModel, which is at the top of the archive or in one of its folders.

    Args:
        archive: a ``.tar.gz``, or a tar file with other compression or none.
        folder: appears complete or not at all; a SavedModel that is already there stays.

    Raises:
        ModelError: the file is damaged or not an archive, or contains no SavedModel; or the
            folder cannot be written.
    """
    try:
        build_once(folder, lambda temporary: _extracted(archive, temporary))
    except OSError as error:
        raise ModelError(f"cannot write {folder}: {error.strerror}.") from error


def _extracted(archive: Path, folder: Path) -> Path:
    """Extract an archive and return the SavedModel in it."""
    try:
        _extract(archive, folder)
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
        raise ModelError(
            f"it cannot be unpacked: {printable(error)}. Expected a whole .tar.gz of a SavedModel, "
            f"received {_beginning(archive)}."
        ) from error
    inside = sorted(path for path in folder.glob("*") if path.is_dir())
    module = next(filter(is_saved_model, (folder, *inside)), None)
    if module is None:
        raise ModelError(f"it contains no SavedModel: {MODULE_FILE} is missing.")
    return module


def _extract(archive: Path, folder: Path) -> None:
    with archive.open("rb") as file:
        is_gzip = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if not is_gzip:
            with tarfile.open(fileobj=file, mode="r|*", tarinfo=BoundedTarInfo) as tar:
                _extract_members(tar, folder)
            return
        with gzip.open(file) as stream:
            # mypy: tarfile needs only the method ``read``.
            source = cast(IO[bytes], stream)
            with tarfile.open(fileobj=source, mode="r|", tarinfo=BoundedTarInfo) as tar:
                _extract_members(tar, folder)
            # The tar data end before the file, whose last bytes are its checksum.
            rest = 0
            while chunk := stream.read(_CHUNK):
                rest += len(chunk)
                if rest > MAX_UNPACKED_BYTES:
                    raise ValueError(f"more than {shown_bytes(MAX_UNPACKED_BYTES)} after its end")


def _extract_members(tar: tarfile.TarFile, folder: Path) -> None:
    """Write the files of an archive to a folder that has no other writer.

    Raises:
        ValueError: a member is not a file or folder inside ``folder``, or a limit is exceeded.
    """
    folder.mkdir()
    size = 0
    for count, member in enumerate(tar, start=1):
        # Also bytes that are skipped: they were unpacked.
        size += member.size
        if count > MAX_ARCHIVE_MEMBERS:
            raise ValueError(f"more than {MAX_ARCHIVE_MEMBERS} files and folders")
        if size > MAX_UNPACKED_BYTES:
            raise ValueError(f"more than {shown_bytes(MAX_UNPACKED_BYTES)} unpacked")
        target = _inside(folder, member.name)
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif member.isreg():
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(tar, member, target)
        else:
            raise ValueError(f"{member.name} is a link or a device: expected files and folders")
        tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all


def _inside(folder: Path, name: str) -> Path:
    """The path of a member in the folder; only names that need no interpretation are allowed."""
    words = [word for word in name.split("/") if word not in ("", ".")]
    if name.startswith("/") or ".." in words or "\\" in name or ":" in name:
        raise ValueError(f"{name} leads outside its folder")
    target = folder.joinpath(*words)
    # There are no links in it; this guards against what the names do not show.
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name} leads outside its folder")
    return target


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    stream = tar.extractfile(member)
    if stream is None:
        raise ValueError(f"{member.name} has no content")
    with stream, target.open("xb") as file:
        shutil.copyfileobj(stream, file, _CHUNK)


def _beginning(archive: Path) -> str:
    with archive.open("rb") as file:
        return f"{archive.stat().st_size} bytes that begin with {file.read(16)!r}"
