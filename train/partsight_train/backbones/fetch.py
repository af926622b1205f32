"""Modules from an http(s) address: from the cache, or downloaded, checked and stored there.

The cache has the layout of TF Hub's own library, so that each finds the modules of the other:
``TFHUB_CACHE_DIR`` if it is set, else ``tfhub`` in the cache folder, with the SHA-1 of the address
as name. An archive that a person puts there is used as well.

``tensorflow_hub.resolve`` itself is not used: it accepts a damaged or wrong file (no checksum, no
digest), does not resume, waits forever for a stalled server and ten minutes for the lock of a
killed process, and writes the secrets of an address to the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from partsight.errors import ModelError, OutputError
from partsight.utils.digest import sha256_of
from partsight.utils.lock import lock_file
from partsight.utils.progress import Progress
from partsight.utils.redaction import redact_address
from partsight_train.backbones.cached_build import is_saved_model
from partsight_train.backbones.download import download
from partsight_train.backbones.unpack import unpack
from partsight_train.cache_dir import cache_dir

__all__ = ["cached", "module_folder"]

logger = logging.getLogger(__name__)

_ARCHIVES = (".tar.gz", ".tgz", ".tar")
_DIGEST = "sha256="


def module_folder(address: str, progress: Progress, cache: Path | None = None) -> Path:
    """Return the SavedModel folder of an address. A cached module is not requested again.

    Args:
        address: of a module that TF Hub serves, or of an archive; ``#sha256=...`` at its end
            is the expected digest of the archive.
        progress: reports each mebibyte.
        cache: folder of the cache; None for the default, see ``cache_dir``.

    Raises:
        ModelError: the module is not available; says which file to put where.
        OutputError: the cache cannot be written.
    """
    folder, local = _cache_paths(address, cache)
    if is_saved_model(folder):
        return folder
    try:
        with _locked(folder):
            if not is_saved_model(folder):  # another run may have downloaded it meanwhile
                if local.is_file():
                    _unpack_local(address, local, folder)
                else:
                    _download(address, folder, local, progress)
    except OSError as error:
        raise OutputError(
            f"cannot store {redact_address(address)} in {folder.parent}: "
            f"{error.strerror or error}. Choose a writable folder with enough space by "
            "--cache-dir."
        ) from error
    return folder


def cached(address: str) -> Path | None:
    """Return the cached folder of an address, or its archive, or None."""
    folder, archive = _cache_paths(address, None)
    if is_saved_model(folder):
        return folder
    return archive if archive.is_file() else None


def _cache_paths(address: str, cache: Path | None) -> tuple[Path, Path]:
    """Return the folder of an address, and where a person may put its archive."""
    hub = Path(os.environ.get("TFHUB_CACHE_DIR") or cache_dir(cache) / "tfhub")
    name = hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    return hub / name, hub / f"{name}.tar.gz"


def _unpack_local(address: str, archive: Path, folder: Path) -> None:
    """Unpack an archive that a person has put there."""
    try:
        _unpack_checked(address, archive, folder)
    except ModelError as error:
        raise ModelError(
            f"cannot use {redact_address(address)} as a backbone: {archive}: {error} Replace "
            "that file, or remove it to download another."
        ) from error


def _download(address: str, folder: Path, local: Path, progress: Progress) -> None:
    source = _source(address)
    archive = _downloads(folder) / local.name
    try:
        download(source, archive, progress)
        try:
            _unpack_checked(address, archive, folder)
        except ModelError:
            archive.unlink()  # the next run downloads it again
            raise
    except ModelError as error:
        raise ModelError(
            f"cannot use {redact_address(address)} as a backbone: {error} Without a network, "
            f"fetch {redact_address(source)} elsewhere and put the file at {local}, or give it as "
            "--backbone."
        ) from error
    archive.unlink()
    # For people, as in TF Hub's own cache.
    folder.with_name(f"{folder.name}.descriptor.txt").write_text(
        f"Module: {redact_address(address)}\n", "utf-8"
    )


def _source(address: str) -> str:
    """Return the address to request: an archive's own, or a handle's compressed format.

    tfhub.dev and kaggle.com redirect the latter to the archive
    (https://www.tensorflow.org/hub/hosting).
    """
    parts = urllib.parse.urlsplit(address)._replace(fragment="")
    if not parts.path.endswith(_ARCHIVES):
        query = [*urllib.parse.parse_qsl(parts.query), ("tf-hub-format", "compressed")]
        parts = parts._replace(query=urllib.parse.urlencode(query))
    return parts.geturl()


def _unpack_checked(address: str, archive: Path, folder: Path) -> None:
    fragment = urllib.parse.urlsplit(address).fragment
    if fragment.startswith(_DIGEST):
        expected, received = fragment.removeprefix(_DIGEST).lower(), sha256_of(archive)
        if received != expected:
            raise ModelError(
                f"the file has another digest: expected SHA-256 {expected}, received {received}."
            )
    unpack(archive, folder)


def _downloads(folder: Path) -> Path:
    """Return the folder of incomplete archives and of locks."""
    return folder.parent / "fetching"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other runs from downloading the same module; the lock ends with this process."""
    _downloads(folder).mkdir(parents=True, exist_ok=True)
    with (_downloads(folder) / f"{folder.name}.lock").open("w") as lock:
        if not lock_file(lock, wait=False):
            logger.warning("another run is downloading the same backbone; waiting for it")
            lock_file(lock)
        yield
