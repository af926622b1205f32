"""The folder where a device keeps its models, and which of them is active.

    STORE/models/SHA256.tflite   the models
    STORE/active                 SHA-256 of activated models, the active one first
    STORE/history.jsonl          history, for people
    STORE/incoming/              new models arrive here, see ``incoming``
    STORE/refused/               refused models, each with its reason

Only ``active`` decides. It is replaced atomically after the model is on the disk, so a power cut
at any moment leaves either the old or the new model active.
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
from partsight.utils.digest import sha256_of
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
# Number of activated models to remember.
_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class ModelStore:
    """A store in a folder; files and folders are created when needed."""

    folder: Path

    def model(self, sha256: str) -> Path:
        """Return the path of a model."""
        return self.folder / "models" / f"{sha256}.tflite"

    @property
    def active(self) -> Path:
        """The pointer to the active model."""
        return self.folder / "active"

    @property
    def history(self) -> Path:
        """The history."""
        return self.folder / "history.jsonl"

    @property
    def incoming(self) -> Path:
        """Folder for new models, unless the configuration names another."""
        return self.folder / "incoming"

    @property
    def refused(self) -> Path:
        """Folder of refused models."""
        return self.folder / "refused"


def activated(store: ModelStore) -> list[str]:
    """Return the SHA-256 of activated models: the active one first, then the one before it, ...

    Raises:
        ModelError: the pointer exists and cannot be read.
    """
    try:
        lines = store.active.read_bytes().decode("ascii", "replace").split()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(
            f"cannot read which model is active from {store.active}: {error.strerror}. Give this "
            "user read access."
        ) from error
    return [line for line in lines if _DIGEST.fullmatch(line)]


def set_activated(store: ModelStore, digests: list[str]) -> None:
    """Replace the pointer.

    Raises:
        OutputError: it cannot be written; the previous model stays active.
    """
    # Keeps the owner of the file, so that the user of the line can read it in any case.
    rewrite_atomic(store.active, "".join(f"{each}\n" for each in digests[:_REMEMBERED]).encode())


def digests(store: ModelStore) -> list[str]:
    """Return the SHA-256 of the stored models, in the order in which they were added."""
    with contextlib.suppress(OSError):
        paths = [path for path in (store.folder / "models").iterdir() if path.suffix == ".tflite"]
        named = [path for path in paths if _DIGEST.fullmatch(path.stem)]
        return [path.stem for path in sorted(named, key=lambda path: (path.stat().st_mtime, path))]
    return []


def add(store: ModelStore, file: ModelFile) -> None:
    """Store a model, unless it is already there and undamaged.

    Raises:
        OutputError: it cannot be written.
    """
    path = store.model(file.sha256)
    with contextlib.suppress(OSError):
        if sha256_of(path) == file.sha256:
            return
    write_atomic(path, file.data)


def read_stored(store: ModelStore, sha256: str) -> bytes:
    """Return the bytes of a stored model.

    Raises:
        ModelError: it does not exist, or has changed on the disk.
    """
    path = store.model(sha256)
    data = read_model(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(
            f"{path} is damaged: its content does not have the SHA-256 of its name. Activate the "
            "model again: partsight model activate MODEL.tflite"
        )
    return data


def find(store: ModelStore, prefix: str) -> str:
    """Return the SHA-256 of a stored model from its first characters.

    Raises:
        ModelError: no model, or several models, begin with them.
    """
    found = [each for each in digests(store) if each.startswith(prefix.lower())]
    if len(found) != 1:
        raise ModelError(
            f"{len(found)} models in {store.folder} have a SHA-256 that begins with {prefix!r}: "
            "expected one, or the path of a file. 'partsight model list' shows them."
        )
    return found[0]


def prune(store: ModelStore, keep: int) -> list[str]:
    """Delete the oldest models above a number, except the active one and the one before it.

    Call it with the store locked.

    Returns:
        The SHA-256 of the deleted models.
    """
    in_use = activated(store)
    kept = set(in_use[:2])
    # Models that were active recently are deleted last.
    spare = [each for each in digests(store) if each not in kept]
    spare.sort(key=lambda each: -in_use.index(each) if each in in_use else -len(in_use) - 1)
    surplus = spare[: max(0, len(kept) + len(spare) - keep)]
    # Temporary files left by a power cut: only the holder of the lock writes here.
    torn = [*store.folder.glob(".*.part"), *(store.folder / "models").glob(".*.part")]
    for path in [*map(store.model, surplus), *torn]:
        with contextlib.suppress(OSError):
            path.unlink()
    return surplus


@contextlib.contextmanager
def locked(store: ModelStore) -> Iterator[None]:
    """Lock the store against changes by other processes: the line and the command line.

    Raises:
        OutputError: the store cannot be created or written.
    """
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        lock = (store.folder / ".lock").open("ab")
    except OSError as error:
        raise OutputError(
            f"cannot change the store {store.folder}: {error.strerror or error}. Give this user "
            "write access."
        ) from error
    with lock:
        lock_file(lock)
        yield
