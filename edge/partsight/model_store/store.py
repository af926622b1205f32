"""The folder where a device keeps its models, and which of them is active.

    STORE/models/SHA256.tflite   each model, whole
    STORE/active                 digests that were put in force, the active one first
    STORE/history.jsonl          what happened, for people
    STORE/incoming/              where new models are dropped, see ``incoming``
    STORE/refused/               those that were not taken, each with its reason

``active`` is the one truth. It is replaced whole, after the model that it names is on the disk:
a power cut at any moment leaves the old one in force, or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from partsight.errors import ModelError, OutputError
from partsight.model.file import ModelFile, read_model
from partsight.utils.files import rewrite_atomic, write_atomic
from partsight.utils.lock import lock_file

__all__ = [
    "ModelStore",
    "activated",
    "add",
    "digests",
    "find",
    "locked",
    "prune",
    "read_stored",
    "set_activated",
]

_DIGEST = re.compile(r"[0-9a-f]{64}")
# How many of those that were in force are remembered.
_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class ModelStore:
    """A store, by its folder; what is not there yet is made when something is put in."""

    folder: Path

    def model(self, sha256: str) -> Path:
        """Where a model is, or would be."""
        return self.folder / "models" / f"{sha256}.tflite"

    @property
    def active(self) -> Path:
        """The pointer."""
        return self.folder / "active"

    @property
    def history(self) -> Path:
        """What happened."""
        return self.folder / "history.jsonl"

    @property
    def incoming(self) -> Path:
        """Where new models are dropped, if the configuration names no other place."""
        return self.folder / "incoming"

    @property
    def refused(self) -> Path:
        """Where those go that are not taken."""
        return self.folder / "refused"


def activated(store: ModelStore) -> list[str]:
    """The digests that were put in force: the active one first, then the one before it, ...

    Raises:
        ModelError: the pointer is there and cannot be read.
    """
    try:
        lines = store.active.read_bytes().decode("ascii", "replace").split()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(
            f"cannot read which model is active from {store.active}: {error.strerror}. Let this "
            "user read it."
        ) from error
    return [line for line in lines if _DIGEST.fullmatch(line)]


def set_activated(store: ModelStore, digests: list[str]) -> None:
    """Replace the pointer.

    Raises:
        OutputError: it cannot be written; the old one is in force.
    """
    # Of the line's own user, whoever activates.
    rewrite_atomic(store.active, "".join(f"{each}\n" for each in digests[:_REMEMBERED]).encode())


def digests(store: ModelStore) -> list[str]:
    """Of the models that are kept, in the order in which they came."""
    with contextlib.suppress(OSError):
        paths = [path for path in (store.folder / "models").iterdir() if path.suffix == ".tflite"]
        named = [path for path in paths if _DIGEST.fullmatch(path.stem)]
        return [path.stem for path in sorted(named, key=lambda path: (path.stat().st_mtime, path))]
    return []


def add(store: ModelStore, file: ModelFile) -> None:
    """Keep a model; one that is there and whole stays as it is.

    Raises:
        OutputError: it cannot be written.
    """
    path = store.model(file.sha256)
    with contextlib.suppress(OSError):
        if hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256:
            return
    write_atomic(path, file.data)


def read_stored(store: ModelStore, sha256: str) -> bytes:
    """The bytes of a model that is kept.

    Raises:
        ModelError: it is not there, or has changed on the disk.
    """
    path = store.model(sha256)
    data = read_model(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(
            f"{path} is damaged: its content does not have the SHA-256 of its name. Put the model "
            "in again: partsight model activate MODEL.tflite"
        )
    return data


def find(store: ModelStore, prefix: str) -> str:
    """The digest of a kept model by its first characters.

    Raises:
        ModelError: none begins so, or several do.
    """
    found = [each for each in digests(store) if each.startswith(prefix.lower())]
    if len(found) != 1:
        raise ModelError(
            f"{len(found)} models in {store.folder} have a SHA-256 that begins with {prefix!r}: "
            "expected one, or the path of a file. 'partsight model list' shows them."
        )
    return found[0]


def prune(store: ModelStore, keep: int) -> list[str]:
    """Delete the oldest models above a number, but never the active one nor the one before it.

    Called with the store locked.

    Returns:
        The digests of those that were deleted.
    """
    in_use = activated(store)
    kept = set(in_use[:2])
    # What was in force lately is worth more than what was only ever kept.
    spare = [each for each in digests(store) if each not in kept]
    spare.sort(key=lambda each: -in_use.index(each) if each in in_use else -len(in_use) - 1)
    surplus = spare[: max(0, len(kept) + len(spare) - keep)]
    # What a power cut left half written: nobody else writes here while the store is locked.
    torn = [*store.folder.glob(".*.part"), *(store.folder / "models").glob(".*.part")]
    for path in [*map(store.model, surplus), *torn]:
        with contextlib.suppress(OSError):
            path.unlink()
    return surplus


@contextlib.contextmanager
def locked(store: ModelStore) -> Iterator[None]:
    """Keep other processes from changing the store: the line's own, and the command line's.

    Raises:
        OutputError: the store cannot be made or written to.
    """
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        lock = (store.folder / ".lock").open("ab")
    except OSError as error:
        raise OutputError(
            f"cannot change the store {store.folder}: {error.strerror or error}. Let this user "
            "write there."
        ) from error
    with lock:
        lock_file(lock)
        yield
