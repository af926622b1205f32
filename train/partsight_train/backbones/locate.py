"""From a handle to a SavedModel folder: built, downloaded or unpacked into the cache if needed.

A handle is a name of the catalogue, a folder, an archive, or an address of TF Hub or Kaggle.
TensorFlow is only loaded to build an embedded backbone.
"""

from __future__ import annotations

import urllib.parse
from pathlib import Path

from partsight.errors import ModelError
from partsight.utils.digest import sha256_of
from partsight.utils.progress import Progress, silent
from partsight.utils.redaction import redact_address, remember_address
from partsight_train.backbones import fetch
from partsight_train.backbones.catalogue import EMBEDDED, HUB, NAMED
from partsight_train.backbones.embedded import embedded_saved_model
from partsight_train.backbones.unpack import unpack
from partsight_train.cache_dir import cache_dir

__all__ = ["cached", "locate"]

# Handles are often copied without "https://".
_HOSTS = ("kaggle.com/", "www.kaggle.com/", "tfhub.dev/")


def locate(
    handle: str,
    image_size: int | None = None,
    progress: Progress = silent,
    cache: Path | None = None,
) -> Path:
    """Return the SavedModel folder of a handle.

    Args:
        handle: see ``open_backbone``.
        image_size: side in pixels of an embedded backbone; None takes its own.
        progress: reports each mebibyte of a download.
        cache: folder of the cache; None for the default, see ``cache_dir``.

    Raises:
        ModelError: the handle is unknown, the download failed, or the module is not a SavedModel.
        OutputError: the cache cannot be written.
        EnvironmentFault: the package of an embedded backbone is not installed.
    """
    if handle in EMBEDDED:
        return embedded_saved_model(handle, image_size, cache)
    remember_address(handle)
    address = _address(handle)
    if address is not None:
        return fetch.module_folder(address, progress, cache)
    path = Path(handle)
    if path.is_dir():
        return path
    if path.is_file():
        return _unpacked(path, cache)
    raise ModelError(
        f"cannot use {redact_address(handle)} as a backbone: no such file or folder. Expected "
        f"a file, a folder, an http(s) address, or a name: {', '.join(NAMED)}."
    )


def cached(handle: str) -> Path | None:
    """Return the local folder or archive of a handle that would be downloaded, or None."""
    address = _address(handle)
    return None if address is None else fetch.cached(address)


def _address(handle: str) -> str | None:
    """Return the http(s) address of a handle, or None for a path."""
    if handle in HUB:
        return HUB[handle].handle
    if handle.startswith(_HOSTS):
        return f"https://{handle}"
    if "://" not in handle:
        return None
    if not _is_http(handle):
        raise ModelError(
            f"cannot use {redact_address(handle)} as a backbone: not an http(s) address. Download "
            "it by other means, and give the folder or the .tar.gz."
        )
    return handle


def _is_http(address: str) -> bool:
    try:
        return urllib.parse.urlsplit(address).scheme in ("http", "https")
    except ValueError:  # unbalanced brackets and the like
        return False


def _unpacked(archive: Path, cache: Path | None) -> Path:
    folder = cache_dir(cache) / "unpacked" / sha256_of(archive)
    try:
        unpack(archive, folder)
    except ModelError as error:
        raise ModelError(f"cannot use {archive} as a backbone: {error}") from error
    return folder
