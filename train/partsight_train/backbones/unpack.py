"""Extraction of a module's archive to a SavedModel folder, with a check of the whole file."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from partsight.errors import ModelError
from partsight_train.backbones.cached_build import MODULE_FILE, build_once, is_saved_model

__all__ = ["sha256_of", "unpack"]

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


def sha256_of(path: Path) -> str:
    """Return the hexadecimal digest of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _extracted(archive: Path, folder: Path) -> Path:
    """Extract an archive and return the SavedModel in it."""
    try:
        _extract(archive, folder)
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise ModelError(
            f"it cannot be unpacked: {error}. Expected a whole .tar.gz of a SavedModel, "
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
            with tarfile.open(fileobj=file, mode="r|*") as tar:
                tar.extractall(folder, filter="data")
            return
        with gzip.open(file) as stream:
            # mypy: tarfile needs only the method ``read``.
            with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as tar:
                tar.extractall(folder, filter="data")
            # The tar data end before the file, whose last bytes are its checksum.
            while stream.read(_CHUNK):
                pass


def _beginning(archive: Path) -> str:
    with archive.open("rb") as file:
        return f"{archive.stat().st_size} bytes that begin with {file.read(16)!r}"
