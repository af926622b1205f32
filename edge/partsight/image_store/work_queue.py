"""Frames on their way to the disk: bounded in memory, worked off by one thread.

The queue knows nothing of files. It can be closed by a deadline also where its thread is stuck
in a disk that does not answer: the thread is a daemon, and what it has not settled is lost.
"""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from partsight.image.spec import PreprocessSpec
from partsight.records import Frame, PartResult

__all__ = ["Job", "WorkQueue"]

logger = logging.getLogger(__name__)

_IDLE_S = 1.0
# Between two pieces of work the other threads have their turn: verdicts come first.
_BREATH_S = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A frame, where it is to be kept, and what was made of it under which preprocessing."""

    path: str
    frame: Frame
    result: PartResult
    spec: PreprocessSpec | None = None


class WorkQueue:
    """Hands jobs to a function in a thread, one at a time, and None where none came for a second.

    Args:
        max_bytes: of frames, that wait or are worked on, before ``put`` refuses; a single
            frame is always taken.
        work: gets a job, or None; tells whether it wants to be called again soon.
        name: of the thread.
    """

    def __init__(self, max_bytes: int, work: Callable[[Job | None], bool], *, name: str) -> None:
        self._max_bytes, self._work = max_bytes, work
        self._changed = threading.Condition()
        self._jobs: collections.deque[Job] = collections.deque()
        self._current: Job | None = None
        self._bytes = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def full(self) -> int:
        """How many jobs wait, where no more are taken; 0 where one is."""
        with self._changed:
            return self._waiting() if self._bytes >= self._max_bytes else 0

    def put(self, job: Job) -> bool:
        """Take a job; False where there is no room, or no time any more."""
        with self._changed:
            if self._closing or self._bytes >= self._max_bytes:
                return False
            self._jobs.append(job)
            self._bytes += job.frame.image_bgr.nbytes
            self._changed.notify()
            return True

    def settle(self, job: Job) -> bool:
        """Be told by the worker that a job's fate is known; False where ``close`` gave it up."""
        with self._changed:
            mine, self._current = self._current is job, None
            return mine

    def close(self, timeout_s: float) -> list[Job]:
        """Work off what waits, as far as time allows.

        Returns:
            The jobs that are given up, in their order.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._closing = True
            self._changed.notify()
            while self._waiting() and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            given_up = [*([self._current] if self._current else []), *self._jobs]
            self._current = None
            self._jobs.clear()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return given_up

    def _waiting(self) -> int:
        return len(self._jobs) + (self._current is not None)

    def _run(self) -> None:
        more = True
        while self._take(_BREATH_S if more else _IDLE_S):
            job = self._current
            try:
                more = self._work(job)
            except Exception:  # without this thread there are no more pictures at all
                more = False
                logger.exception("the thread of pictures goes on after what it did not expect")
            if job is not None:
                self._put_away(job)

    def _take(self, pause_s: float) -> bool:
        """Wait for a job, for so long; False at the end."""
        with self._changed:
            if not self._jobs and not self._closing:
                self._changed.wait(pause_s)
            self._current = self._jobs.popleft() if self._jobs else None
            return self._current is not None or not self._closing

    def _put_away(self, job: Job) -> None:
        with self._changed:
            self._bytes -= job.frame.image_bgr.nbytes
            self._current = None
            self._changed.notify_all()
