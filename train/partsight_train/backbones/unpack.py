"""A module's archive, checked to its last byte and unpacked whole or not at all.

Enters: a ``.tar.gz`` (or ``.tar``). Leaves: a SavedModel folder. Called by ``locate``.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import IO, cast

from partsight.errors import ModelError

__all__ = ["MODULE_FILE", "sha256_of", "unpack"]

# Every SavedModel, of TensorFlow 1 or 2, has it.
MODULE_FILE = "saved_model.pb"
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the SavedModel of an archive, which may lie in a folder of its own there.

    Args:
        archive: a file.
        folder: appears whole; where another run was first, its work stays.

    Raises:
        ModelError: it is damaged, no archive, or holds no SavedModel.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as aside:
        inner = Path(aside) / "module"
        try:
            _extract(archive, inner)
        except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
            raise ModelError(
                f"it cannot be unpacked: {error}. Expected a whole .tar.gz of a SavedModel, "
                f"received {_beginning(archive)}."
            ) from error
        module = _module_in(inner)
        if module is None:
            raise ModelError(f"it holds no SavedModel: no {MODULE_FILE} is in it.")
        try:
            module.rename(folder)
        except OSError as error:
            if not (folder / MODULE_FILE).is_file():  # else another run was first
                raise ModelError(f"cannot write {folder}: {error.strerror}.") from error


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _extract(archive: Path, folder: Path) -> None:
    with archive.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if not packed:
            with tarfile.open(fileobj=file, mode="r|*") as tar:
                tar.extractall(folder, filter="data")
            return
        with gzip.open(file) as stream:
            # mypy: tarfile wants no more of it than that it can be read.
            with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as tar:
                tar.extractall(folder, filter="data")
            # A tar ends before its file does, and the check sum is the last thing in that.
            while stream.read(_PIECE):
                pass


def _module_in(folder: Path) -> Path | None:
    inside = sorted(path for path in folder.glob("*") if path.is_dir())
    return next((path for path in (folder, *inside) if (path / MODULE_FILE).is_file()), None)


def _beginning(archive: Path) -> str:
    with archive.open("rb") as file:
        return f"{archive.stat().st_size} bytes that begin with {file.read(16)!r}"
