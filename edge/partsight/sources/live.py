"""Frames of a camera or stream: the newest one, or the reason why there is none.

States of the source:

    starting ──> running <──> stale ──> disconnected ──> running
                    └───────> dark, bright, blurred, frozen

A thread reads every image as it arrives, so that none waits in a driver's buffer, and keeps only
the newest. The source is opened again after each failure. Opened by ``open_frames``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from partsight.errors import PartsightError, SourceError
from partsight.records import Fault, Frame
from partsight.sources.capture_backend import CaptureBackend, CapturedImage
from partsight.sources.image_quality import Problem, QualityCheck
from partsight.sources.latest_frame import LatestFrame
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.backoff import Backoff, RetryBudget
from partsight.utils.wall_clock import utc_now

if TYPE_CHECKING:
    from partsight.config.source import SourceConfig

__all__ = ["LiveFrames"]

# Longest wait of the thread before it checks the clock, seconds.
_POLL_S = 0.05
# Closing a camera may kill a process, which a driver may keep from ending.
_JOIN_S = 5.0

# Waits between attempts to open a source, seconds, and how many may fail before all are long.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_BUDGET = RetryBudget(failures=10, window_s=600.0)

OpenBackend = Callable[[], AbstractContextManager[CaptureBackend]]


class LiveFrames:
    """``Frames`` of a live source, read by a thread while the block is open.

    Args:
        name: source of the frames for records, without passwords.
        open_backend: opens the source; called again after each failure.
        config: timeouts, image quality and warm-up.
        telemetry: gets the counts and the state ``source``.
        clock: seconds of ``time.monotonic``.
        now: wall-clock time, for the time of frames.
        idle: waits a number of seconds; None waits, and stops waiting at the end.
        backoff: waits between attempts to open the source; None is the standard one.
    """

    def __init__(
        self,
        name: str,
        open_backend: OpenBackend,
        config: SourceConfig,
        telemetry: Telemetry,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        idle: Callable[[float], object] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._name, self._open, self._config, self._telemetry = (
            name,
            open_backend,
            config,
            telemetry,
        )
        self._clock, self._now = clock, now
        self._ended = threading.Event()
        self._idle = idle or self._ended.wait
        self._latest = LatestFrame()
        self._backoff = backoff or Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S, budget=_BUDGET)
        self._held = ExitStack()
        self._backend: CaptureBackend | None = None
        self._retry_at_s = self._opened_s = float("-inf")
        self._last_s: float | None = None
        self._check = QualityCheck(config.conditions)
        self._to_skip = self._index = 0
        self._state = ""
        self._enter("starting", f"opening {name}")
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def __enter__(self) -> LiveFrames:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join(_JOIN_S)

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """Return the newest frame if it arrived after a time, else the next one; see ``Frames``.

        A frame that is not fit for inspection is returned as a fault. The loss of the source is
        returned as a fault once; after that, None is returned after the timeout.

        Raises:
            SourceError: the thread has ended, which is a defect.
        """
        return self._latest.after(monotonic_s, timeout_s)

    def step(self) -> None:
        """Open the source if it is due, or read one image; called repeatedly by the thread."""
        if self._backend is None:
            self._open_when_due()
        else:
            self._read(self._backend)
        if self._last_s is not None:
            self._telemetry.set("frame_age_seconds", self._clock() - self._last_s)

    def _run(self) -> None:
        try:
            with self._held:
                while not self._ended.is_set():
                    self.step()
        finally:
            # Reached without a request to end only after an unexpected error.
            self._latest.close()

    def _open_when_due(self) -> None:
        wait_s = self._retry_at_s - self._clock()
        if wait_s > 0:
            self._idle(min(wait_s, _POLL_S))
            return
        if self._retry_at_s > float("-inf"):
            self._telemetry.count("source_restarts")
        self._opened_s = self._clock()
        self._to_skip = self._config.warm_up_frames
        self._check.restart()
        try:
            self._backend = self._held.enter_context(self._open())
        except (PartsightError, OSError, MemoryError) as error:
            self._lose(str(error) or type(error).__name__)

    def _read(self, backend: CaptureBackend) -> None:
        try:
            image = backend.read(_POLL_S)
        except SourceError as error:
            self._lose(str(error))
            return
        if image is None:
            self._check_silence()
        else:
            self._receive(image)

    def _check_silence(self) -> None:
        config, now_s = self._config, self._clock()
        if self._last_s is None or self._last_s < self._opened_s:
            if now_s - self._opened_s > config.open_timeout_s:
                self._lose(f"{self._name} gave no whole frame within {config.open_timeout_s:g} s")
            return
        age_s = now_s - self._last_s
        if age_s > config.read_timeout_s:
            self._lose(
                f"{self._name} gave no whole frame for {age_s:.1f} s, at most "
                f"{config.read_timeout_s:g} s are allowed (read_timeout_s)"
            )
        elif age_s > config.stale_after_s and self._state != "disconnected":
            self._set_absent(
                "stale",
                f"{self._name} gave no whole frame for {age_s:.1f} s, one at least every "
                f"{config.stale_after_s:g} s is expected (stale_after_s)",
            )

    def _receive(self, image: CapturedImage) -> None:
        self._last_s = image.monotonic_s
        self._telemetry.count("frames", by=1 + image.skipped)
        self._telemetry.count("frames_dropped", by=image.skipped)
        self._backoff.reset()
        if self._to_skip > 0:
            self._to_skip -= 1
            return
        found = self._check(image.image_bgr, image.monotonic_s)
        taken_s = image.monotonic_s - self._config.delay_s
        event = self._event(image, found, taken_s)
        self._index += 1
        if found is None:
            self._enter("running")
        else:
            self._enter(found.name, found.reason)
        if self._latest.put(event, taken_s):
            self._telemetry.count("frames_dropped")

    def _event(self, image: CapturedImage, found: Problem | None, taken_s: float) -> Frame | Fault:
        taken_at = self._now() - timedelta(seconds=self._clock() - taken_s)
        if found is not None:
            return Fault(found.reason, taken_at, self._name, self._index)
        return Frame(image.image_bgr, taken_at, self._name, self._index, taken_s)

    def _lose(self, reason: str) -> None:
        """Close the source and plan when to open it again."""
        self._backend = None
        self._held.close()
        now_s = self._clock()
        self._retry_at_s = now_s + self._backoff.next_s(now_s)
        budget = self._backoff.budget
        if budget is not None and self._backoff.exhausted:
            reason += (
                f"; more than {budget.failures} attempts in {budget.window_s:g} s had no lasting "
                f"success, so the next attempts are {self._backoff.most_s:g} s apart"
            )
        self._set_absent("disconnected", reason)

    def _set_absent(self, state: str, reason: str) -> None:
        entered = self._state != state
        self._enter(state, reason)
        if entered:
            self._latest.announce(Fault(reason, self._now(), self._name, self._index))

    def _enter(self, state: str, detail: str = "") -> None:
        self._state = state
        self._telemetry.state("source", state, detail)
