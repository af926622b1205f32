"""The module at an address: from the cache, or fetched, checked and kept there.

Enters: an http(s) address. Leaves: a SavedModel folder. Called by ``locate``.

What is fetched lies where TF Hub's own library would put it, so that each finds what the
other has: ``TFHUB_CACHE_DIR`` where it is set, else ``tfhub`` in the cache folder, and
there under the SHA-1 of the address. An archive put there by hand is as good.
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
from partsight.utils.lock import lock_file
from partsight.utils.progress import Progress
from partsight.utils.redaction import redact_address
from partsight_train.backbones.download import download
from partsight_train.backbones.unpack import MODULE_FILE, sha256_of, unpack
from partsight_train.cache_dir import cache_dir

__all__ = ["cached", "module_folder"]

logger = logging.getLogger(__name__)

_ARCHIVES = (".tar.gz", ".tgz", ".tar")
_DIGEST = "sha256="


def module_folder(address: str, progress: Progress) -> Path:
    """The SavedModel folder of an address. What is cached is not asked for again.

    Args:
        address: a module's as TF Hub serves them, or an archive's; ``#sha256=...`` at its end
            is what the archive must have.
        progress: told of each mebibyte.

    Raises:
        ModelError: it cannot be had; says what to put where.
        OutputError: the cache cannot be written.
    """
    folder, by_hand = _places(address)
    if (folder / MODULE_FILE).is_file():
        return folder
    try:
        with _alone(folder):
            if not (folder / MODULE_FILE).is_file():  # else another run has fetched it meanwhile
                if by_hand.is_file():
                    _take(address, by_hand, folder)
                else:
                    _fetch(address, folder, by_hand, progress)
    except OSError as error:
        raise OutputError(
            f"cannot keep {redact_address(address)} in {folder.parent}: {error.strerror or error}. "
            "Choose a place that is writable and has room with --cache-dir."
        ) from error
    return folder


def cached(address: str) -> Path | None:
    """The folder of an address, or its archive, where it is on this machine."""
    folder, archive = _places(address)
    if (folder / MODULE_FILE).is_file():
        return folder
    return archive if archive.is_file() else None


def _places(address: str) -> tuple[Path, Path]:
    """Where the folder of an address lies, and where a person may put its archive."""
    cache = Path(os.environ.get("TFHUB_CACHE_DIR") or cache_dir() / "tfhub")
    name = hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    return cache / name, cache / f"{name}.tar.gz"


def _take(address: str, archive: Path, folder: Path) -> None:
    """Unpack what a person has put there."""
    try:
        _unpack_checked(address, archive, folder)
    except ModelError as error:
        raise ModelError(
            f"cannot use {redact_address(address)} as a backbone: of {archive}, {error} Replace "
            "that file, or remove it to fetch another."
        ) from error


def _fetch(address: str, folder: Path, by_hand: Path, progress: Progress) -> None:
    source = _source(address)
    archive = _fetching(folder) / by_hand.name
    try:
        download(source, archive, progress)
        try:
            _unpack_checked(address, archive, folder)
        except ModelError:
            archive.unlink()  # or the next run would find it as useless again
            raise
    except ModelError as error:
        raise ModelError(
            f"cannot use {redact_address(address)} as a backbone: {error} Where there is no "
            f"network, fetch {redact_address(source)} elsewhere and put the file at {by_hand}, or "
            "give it as --backbone."
        ) from error
    archive.unlink()
    # So that a person finds what lies under these names, as in TF Hub's own cache.
    folder.with_name(f"{folder.name}.descriptor.txt").write_text(
        f"Module: {redact_address(address)}\n", "utf-8"
    )


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


def _unpack_checked(address: str, archive: Path, folder: Path) -> None:
    fragment = urllib.parse.urlsplit(address).fragment
    if fragment.startswith(_DIGEST):
        expected, received = fragment.removeprefix(_DIGEST).lower(), sha256_of(archive)
        if received != expected:
            raise ModelError(
                f"the file is another: expected SHA-256 {expected}, received {received}."
            )
    unpack(archive, folder)


def _fetching(folder: Path) -> Path:
    """Where archives lie until they are whole, with the locks."""
    return folder.parent / "fetching"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other runs from fetching the same; the system ends it with this process."""
    _fetching(folder).mkdir(parents=True, exist_ok=True)
    with (_fetching(folder) / f"{folder.name}.lock").open("w") as lock:
        if not lock_file(lock, wait=False):
            logger.warning("another run is fetching the same backbone; waiting for it")
            lock_file(lock)
        yield
