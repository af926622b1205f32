"""The SavedModel folder behind a handle: made, fetched or unpacked into the cache at need.

Enters: a name of the catalogue, a folder, an archive, or an address as TF Hub or Kaggle
gives it. Leaves: a folder. Called by ``backbone``, and by the command that lists backbones.
No TensorFlow unless an embedded backbone has to be built.
"""

from __future__ import annotations

import urllib.parse
from pathlib import Path

from partsight.errors import ModelError
from partsight.utils.progress import Progress, silent
from partsight.utils.redaction import redact_address, remember_address
from partsight_train.backbones import fetch
from partsight_train.backbones.catalogue import EMBEDDED, HUB, NAMED
from partsight_train.backbones.embedded import embedded_saved_model
from partsight_train.backbones.unpack import sha256_of, unpack
from partsight_train.cache_dir import cache_dir

__all__ = ["cached", "locate"]

# Handles are often copied without what stands before these.
_HOSTS = ("kaggle.com/", "www.kaggle.com/", "tfhub.dev/")


def locate(
    handle: str,
    image_size: int | None = None,
    progress: Progress = silent,
    cache: Path | None = None,
) -> Path:
    """The SavedModel folder behind a handle.

    Args:
        handle: see ``open_backbone``.
        image_size: pixels a side of an embedded backbone; None takes its own.
        progress: told of each mebibyte that is fetched.
        cache: folder of the cache; None for the default, see ``cache_dir``.

    Raises:
        ModelError: it is nowhere, cannot be fetched, or is no SavedModel.
        OutputError: the cache cannot be written.
        EnvironmentFault: the package of an embedded one is not installed.
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
        f"one, an http(s) address, or a name: {', '.join(NAMED)}."
    )


def cached(handle: str) -> Path | None:
    """What is on this machine of a handle that would be fetched: a folder, or an archive."""
    address = _address(handle)
    return None if address is None else fetch.cached(address)


def _address(handle: str) -> str | None:
    """The http(s) address behind a handle; None where it is a path."""
    if handle in HUB:
        return HUB[handle].handle
    if handle.startswith(_HOSTS):
        return f"https://{handle}"
    if "://" not in handle:
        return None
    if not _is_http(handle):
        raise ModelError(
            f"cannot use {redact_address(handle)} as a backbone: it is no http(s) address. Fetch "
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
    if not folder.is_dir():
        try:
            unpack(archive, folder)
        except ModelError as error:
            raise ModelError(f"cannot use {archive} as a backbone: {error}") from error
    return folder
