"""Queue of frames to be written, with a limit of memory and one thread.

It can be closed by a deadline even if its thread is blocked by a disk that does not answer: the
thread is a daemon, and unfinished jobs are given up.
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
# Pause between two pieces of work, for the other threads: verdicts come first.
_BREATH_S = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A frame, its path, its result, and the preprocessing of the model."""

    path: str
    frame: Frame
    result: PartResult
    spec: PreprocessSpec | None = None


class WorkQueue:
    """Calls a function in a thread with one job at a time, or with None after a second without one.

    Args:
        max_bytes: memory of waiting and current frames above which ``put`` refuses; a single
            frame is always accepted.
        work: called with a job or None; returns whether to call it again soon.
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
        """Return the number of waiting jobs if the queue is full, else 0."""
        with self._changed:
            return self._waiting() if self._bytes >= self._max_bytes else 0

    def put(self, job: Job) -> bool:
        """Add a job; return False if the queue is full or closing."""
        with self._changed:
            if self._closing or self._bytes >= self._max_bytes:
                return False
            self._jobs.append(job)
            self._bytes += job.frame.image_bgr.nbytes
            self._changed.notify()
            return True

    def settle(self, job: Job) -> bool:
        """Note that a job is finished; return False if ``close`` already gave it up."""
        with self._changed:
            mine, self._current = self._current is job, None
            return mine

    def close(self, timeout_s: float) -> list[Job]:
        """Finish the waiting jobs, as far as time allows.

        Returns:
            The jobs that are given up, in order.
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
            except Exception:  # without this thread no more images would be saved
                more = False
                logger.exception("the thread that saves images goes on after an unexpected error")
            if job is not None:
                self._release(job)

    def _take(self, pause_s: float) -> bool:
        """Wait for a job, at most ``pause_s``; return False at the end."""
        with self._changed:
            if not self._jobs and not self._closing:
                self._changed.wait(pause_s)
            self._current = self._jobs.popleft() if self._jobs else None
            return self._current is not None or not self._closing

    def _release(self, job: Job) -> None:
        with self._changed:
            self._bytes -= job.frame.image_bgr.nbytes
            self._current = None
            self._changed.notify_all()
