"""The place where new models are dropped: finds those that are whole, and clears them away.

Enters: a folder, or a file that newer ones replace. Leaves: candidates, oldest first. A file is
whole when it did not change for a while and has the digest that it names; one that does not is
given more time, as a copy that hangs may go on.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from partsight.errors import ModelError, OutputError
from partsight.model.file import ModelFile, load_model_file
from partsight.utils.files import write_atomic

__all__ = ["PATIENCE_S", "SETTLED_S", "Candidate", "Incoming"]

# A file that did not change for so long is looked into; one that is not whole then waits longer.
SETTLED_S, PATIENCE_S = 2.0, 30.0
# What copying programs call a file that they are not done with; hidden ones are left alone too.
_UNDER_WAY = (".crdownload", ".filepart", ".part", ".partial", ".tmp")
# How many of the refused are kept.
_REFUSED_KEPT = 10

_Identity = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is to be examined, or that is refused as it is.

    Attributes:
        path: where it lies.
        identity: tells it from one that replaces it.
        file: its bytes and contract; None where it is none.
        refusal: why it is none.
    """

    path: Path
    identity: _Identity
    file: ModelFile | None
    refusal: ModelError | None = None


@dataclass(slots=True)
class _Seen:
    identity: _Identity
    since_s: float
    not_whole: bool = False
    done: bool = False


@dataclass(slots=True)
class Incoming:
    """Remembers what it saw when. Not for two threads at once.

    Attributes:
        place: a folder, or a file whose name ends in ``.tflite``.
        clock: seconds, monotonic.
    """

    place: Path
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Path, _Seen] = field(default_factory=dict)

    @property
    def is_file(self) -> bool:
        """Whether the place is a single file, which stays where it is."""
        return self.place.suffix == ".tflite" and not self.place.is_dir()

    def look(self) -> list[Candidate]:
        """What is whole by now, and was not dealt with; oldest first."""
        found = {path: identity for path in self._files() if (identity := _identity(path))}
        self._seen = {path: seen for path, seen in self._seen.items() if path in found}
        candidates = [self._candidate(path, identity) for path, identity in found.items()]
        return sorted(
            (each for each in candidates if each is not None), key=lambda each: each.identity[2]
        )

    def done(self, candidate: Candidate) -> None:
        """Have a file left alone until it changes, wherever it lies."""
        self._seen[candidate.path] = _Seen(candidate.identity, self.clock(), done=True)

    def later(self, candidate: Candidate) -> None:
        """Have a file come again after a while: what failed was not its fault."""
        self._seen[candidate.path] = _Seen(candidate.identity, self.clock(), not_whole=True)

    def taken(self, candidate: Candidate) -> None:
        """Clear away a model that is in the store now."""
        self.done(candidate)
        if not self.is_file and _identity(candidate.path) == candidate.identity:
            with contextlib.suppress(OSError):
                candidate.path.unlink()

    def refuse(self, candidate: Candidate, refused: Path, reason: str) -> None:
        """Move a model to the refused ones, with the reason beside it.

        One that changed in the meantime stays: it is another.
        """
        self.done(candidate)
        if self.is_file or _identity(candidate.path) != candidate.identity:
            return
        with contextlib.suppress(OSError, OutputError):  # what cannot be moved is left alone
            refused.mkdir(parents=True, exist_ok=True)
            shutil.move(candidate.path, refused / candidate.path.name)
            write_atomic(refused / f"{candidate.path.name}.reason.txt", f"{reason}\n".encode())
            _clear(refused)

    def _files(self) -> list[Path]:
        if self.is_file:
            return [self.place]
        try:
            return [
                path
                for path in self.place.iterdir()
                if not path.name.startswith(".") and path.suffix.lower() not in _UNDER_WAY
            ]
        except OSError:  # not there yet, or a share that is away
            return []

    def _candidate(self, path: Path, identity: _Identity) -> Candidate | None:
        now_s = self.clock()
        seen = self._seen.setdefault(path, _Seen(identity, now_s))
        if seen.identity != identity:
            self._seen[path] = _Seen(identity, now_s)
            return None
        waited_s = now_s - seen.since_s
        if seen.done or waited_s < (PATIENCE_S if seen.not_whole else SETTLED_S):
            return None
        try:
            file = load_model_file(path)
        except ModelError as error:
            # Even a contract that seems to be missing may be what is still to come.
            if waited_s < PATIENCE_S:
                seen.not_whole = True
                return None
            return Candidate(path, identity, None, error)
        # What was read must be what was looked at.
        return Candidate(path, identity, file) if _identity(path) == identity else None


def _identity(path: Path) -> _Identity | None:
    """Of a file: which, how long, last changed when; None of what is no file, or has gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not path.is_file():
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _clear(refused: Path) -> None:
    """Keep the newest of the refused: they must not fill the disk."""
    reasons = sorted(refused.glob("*.reason.txt"), key=lambda path: path.stat().st_mtime_ns)
    for reason in reasons[:-_REFUSED_KEPT]:
        reason.unlink()
        reason.with_name(reason.name.removesuffix(".reason.txt")).unlink(missing_ok=True)
