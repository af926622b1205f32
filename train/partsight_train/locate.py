"""The SavedModel folder behind a handle: made, fetched or unpacked into the cache at need.

Enters: a name of the catalogue, a folder, an archive, or an address as TF Hub or Kaggle
gives it. Leaves: a folder. Called by ``backbone``, and by the command that lists backbones.
No TensorFlow unless an embedded backbone has to be built.

What is fetched lies where TF Hub's own library would put it, so that each finds what the
other has: ``TFHUB_CACHE_DIR`` where it is set, else ``tfhub`` in the cache folder, and
there under the SHA-1 of the handle. An archive put there by hand is as good.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from partsight.errors import ModelError
from partsight.progress import Progress, silent
from partsight_train.cache_dir import cache_dir
from partsight_train.catalogue import EMBEDDED, HUB, NAMED
from partsight_train.download import download
from partsight_train.embedded import embedded_saved_model
from partsight_train.unpack import MODULE_FILE, unpack

__all__ = ["cached", "locate"]

_HOSTS = ("kaggle.com/", "www.kaggle.com/", "tfhub.dev/")
_ARCHIVES = (".tar.gz", ".tgz", ".tar")
_DIGEST = "sha256="


def locate(handle: str, image_size: int | None = None, progress: Progress = silent) -> Path:
    """The SavedModel folder behind a handle.

    Args:
        handle: see ``open_backbone``.
        image_size: pixels a side of an embedded backbone; None takes its own.
        progress: told of each mebibyte that is fetched.

    Raises:
        ModelError: it is nowhere, cannot be fetched, or is no SavedModel.
        EnvironmentFault: the package of an embedded one is not installed.
    """
    if handle in EMBEDDED:
        return embedded_saved_model(handle, image_size)
    address = _address(handle)
    if address is not None:
        return _fetched(address, progress)
    path = Path(handle)
    if path.is_dir():
        return path
    if path.is_file():
        return _unpacked(path)
    raise ModelError(
        f"cannot use {handle} as a backbone: no such file or folder. Expected one, an http(s) "
        f"address, or a name: {', '.join(NAMED)}."
    )


def cached(handle: str) -> Path | None:
    """What is on this machine of a handle that would be fetched: a folder, or an archive."""
    address = _address(handle)
    if address is None:
        return None
    folder, archive = _places(address)
    if (folder / MODULE_FILE).is_file():
        return folder
    return archive if archive.is_file() else None


def _address(handle: str) -> str | None:
    """The http(s) address behind a handle; None where it is a path."""
    if handle in HUB:
        return HUB[handle].handle
    if handle.startswith(_HOSTS):
        return f"https://{handle.replace('kaggle.com', 'www.kaggle.com').removeprefix('www.')}"
    if "://" not in handle:
        return None
    if not handle.startswith(("http://", "https://")):
        raise ModelError(
            f"cannot use {handle} as a backbone: it is no http(s) address. Fetch it by other "
            "means, and give the folder or the .tar.gz."
        )
    return handle


def _unpacked(archive: Path) -> Path:
    folder = cache_dir() / "unpacked" / _sha256(archive)
    if not folder.is_dir():
        try:
            unpack(archive, folder)
        except ModelError as error:
            raise ModelError(f"cannot use {archive} as a backbone: {error}") from error
    return folder


def _fetched(address: str, progress: Progress) -> Path:
    folder, by_hand = _places(address)
    if (folder / MODULE_FILE).is_file():
        return folder
    archive = folder.parent / "fetching" / by_hand.name
    source = _source(address)
    try:
        with _alone(archive):
            if (folder / MODULE_FILE).is_file():  # another run has fetched it meanwhile
                return folder
            if by_hand.is_file():
                unpack(by_hand, folder)
                return folder
            download(source, archive, progress)
            try:
                _require_digest(address, archive)
                unpack(archive, folder)
            finally:
                archive.unlink()  # unpacked; or it would be found as useless again
            # So that a person finds what lies under these names, as in TF Hub's own cache.
            folder.with_name(f"{folder.name}.descriptor.txt").write_text(f"Module: {address}\n")
    except ModelError as error:
        raise ModelError(
            f"cannot use {address} as a backbone: {error} Where there is no network, fetch "
            f"{source} elsewhere and put the file at {by_hand}, or give it as --backbone."
        ) from error
    return folder


def _places(address: str) -> tuple[Path, Path]:
    """Where the folder of an address lies, and where a person may put its archive."""
    cache = Path(os.environ.get("TFHUB_CACHE_DIR") or cache_dir() / "tfhub")
    name = hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    return cache / name, cache / f"{name}.tar.gz"


def _source(address: str) -> str:
    """What to ask for: an archive as it is, a handle in TF Hub's compressed format.

    tfhub.dev and kaggle.com both answer that with a redirection to the archive
    (https://www.tensorflow.org/hub/hosting).
    """
    parts = urllib.parse.urlsplit(address)._replace(fragment="")
    if not parts.path.endswith(_ARCHIVES):
        query = [*urllib.parse.parse_qsl(parts.query), ("tf-hub-format", "compressed")]
        parts = parts._replace(query=urllib.parse.urlencode(query))
    return parts.geturl()


def _require_digest(address: str, archive: Path) -> None:
    """Check what came against the address's ``#sha256=``, where it has one."""
    fragment = urllib.parse.urlsplit(address).fragment
    expected = fragment.removeprefix(_DIGEST).lower()
    if fragment.startswith(_DIGEST) and _sha256(archive) != expected:
        raise ModelError(
            f"what came is another file: expected SHA-256 {expected}, received {_sha256(archive)}."
        )


@contextlib.contextmanager
def _alone(archive: Path) -> Iterator[None]:
    """Keep other runs from fetching the same; the system ends it with this process."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with archive.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
