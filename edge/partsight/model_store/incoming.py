"""The folder or file where new models arrive: finds complete models, and moves or deletes them.

A file is complete if it did not change for a while and its SHA-256 is the one it states; otherwise
it gets more time, since a slow copy may still be running.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from partsight.errors import ModelError, OutputError
from partsight.model.file import ModelFile, load_model_file
from partsight.utils.files import distinct_name, write_atomic
from partsight.utils.limits import MAX_MODEL_BYTES

__all__ = ["PATIENCE_S", "SETTLED_S", "Candidate", "Incoming"]

# Seconds without a change before a file is read; an incomplete one then waits longer.
SETTLED_S, PATIENCE_S = 2.0, 30.0
# Suffixes of unfinished copies; hidden files are ignored too.
_UNFINISHED = (".crdownload", ".filepart", ".part", ".partial", ".tmp")
# Ending of the file with the reason next to a refused model.
_REASON = ".reason.txt"
# Number of refused models to keep.
_REFUSED_KEPT = 10

_Identity = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to be qualified, or refused because it is not a model.

    Attributes:
        path: of the file.
        identity: inode, size and time of change, to detect that it is replaced.
        file: its bytes and contract; None if it is not a model.
        refusal: why it is not a model.
    """

    path: Path
    identity: _Identity
    file: ModelFile | None
    refusal: ModelError | None = None


@dataclass(slots=True)
class _Seen:
    identity: _Identity
    since_s: float
    incomplete: bool = False
    done: bool = False


@dataclass(slots=True)
class Incoming:
    """Remembers the files it has seen, and since when. Not thread-safe.

    Attributes:
        path: a folder, or a file with a name that ends in ``.tflite``.
        clock: seconds, monotonic.
    """

    path: Path
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Path, _Seen] = field(default_factory=dict)

    @property
    def is_file(self) -> bool:
        """Whether this is a single file, which is not moved."""
        return self.path.suffix == ".tflite" and not self.path.is_dir()

    def look(self) -> Iterator[Candidate]:
        """The complete files that were not processed yet, oldest first; read one at a time."""
        found = {path: identity for path in self._files() if (identity := _identity(path))}
        self._seen = {path: seen for path, seen in self._seen.items() if path in found}
        for path, identity in sorted(found.items(), key=lambda each: each[1][2]):
            candidate = self._candidate(path, identity)
            if candidate is not None:
                yield candidate

    def done(self, candidate: Candidate) -> None:
        """Ignore a file until it changes."""
        self._seen[candidate.path] = _Seen(candidate.identity, self.clock(), done=True)

    def later(self, candidate: Candidate) -> None:
        """Return a file again after a while, since the failure was not caused by it."""
        self._seen[candidate.path] = _Seen(candidate.identity, self.clock(), incomplete=True)

    def taken(self, candidate: Candidate) -> None:
        """Delete a file that is in the store now."""
        self.done(candidate)
        if not self.is_file and _identity(candidate.path) == candidate.identity:
            with contextlib.suppress(OSError):
                candidate.path.unlink()

    def refuse(self, candidate: Candidate, refused: Path, reason: str) -> None:
        """Move a file to the folder of refused models, with the reason next to it.

        A file that has changed meanwhile stays: it is a new model.
        """
        self.done(candidate)
        if self.is_file or _identity(candidate.path) != candidate.identity:
            return
        with contextlib.suppress(OSError, OutputError):  # left in place if it cannot be moved
            refused.mkdir(parents=True, exist_ok=True)
            name = _name_with_room(candidate.path.name)
            _move(candidate, refused / name)
            text = f"{reason}\n".encode(errors="backslashreplace")
            write_atomic(refused / f"{name}{_REASON}", text)
            _delete_oldest(refused)

    def _files(self) -> list[Path]:
        if self.is_file:
            return [self.path]
        try:
            return [
                path
                for path in self.path.iterdir()
                if not path.name.startswith(".") and path.suffix.lower() not in _UNFINISHED
            ]
        except OSError:  # does not exist yet, or a network share is unavailable
            return []

    def _candidate(self, path: Path, identity: _Identity) -> Candidate | None:
        now_s = self.clock()
        seen = self._seen.setdefault(path, _Seen(identity, now_s))
        if seen.identity != identity:
            self._seen[path] = _Seen(identity, now_s)
            return None
        waited_s = now_s - seen.since_s
        if seen.done or waited_s < (PATIENCE_S if seen.incomplete else SETTLED_S):
            return None
        if path.is_symlink() and not self.is_file:
            # Its content could be any file that the line may read, and the reason quotes bytes.
            link = ModelError(f"{path.name} is a link: expected a file. Copy the model itself")
            return Candidate(path, identity, None, link)
        try:
            file = load_model_file(path)
        except ModelError as error:
            # A missing contract may still be copied: it is at the end of the file.
            if waited_s < PATIENCE_S and identity[1] <= MAX_MODEL_BYTES:
                seen.incomplete = True
                return None
            return Candidate(path, identity, None, error)
        # The file must not have been replaced while it was read.
        return Candidate(path, identity, file) if _identity(path) == identity else None


def _identity(path: Path) -> _Identity | None:
    """Return inode, size and time of change of a file; None if it is no file or is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not path.is_file():
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _move(candidate: Candidate, destination: Path) -> None:
    try:
        os.replace(candidate.path, destination)
    except OSError as error:
        # Between file systems a move is a copy, which for a file too large for a model may fill
        # the disk of the store.
        if error.errno == errno.EXDEV and candidate.identity[1] <= MAX_MODEL_BYTES:
            shutil.move(candidate.path, destination)


def _name_with_room(name: str) -> str:
    """Return a name to which the ending of a reason can be added: file systems allow 255 bytes."""
    fits = len(os.fsencode(name)) <= 255 - len(_REASON)
    return name if fits else distinct_name(name, Path(name).suffix[:20])


def _delete_oldest(refused: Path) -> None:
    """Keep only the newest refused models, so that they do not fill the disk."""
    reasons = sorted(refused.glob(f"*{_REASON}"), key=lambda path: path.stat().st_mtime_ns)
    for reason in reasons[:-_REFUSED_KEPT]:
        reason.unlink()
        reason.with_name(reason.name.removesuffix(_REASON)).unlink(missing_ok=True)
