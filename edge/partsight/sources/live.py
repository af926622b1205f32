"""Frames of a camera or stream that misbehaves: the newest one, or why there is none.

Input: a way to open the camera (``CaptureBackend``). Output: ``Frames`` for triggers, and the state
``source`` in the vitals:

    starting ──> running <──> stale ──> disconnected ──> running
                    └───────> dark, bright, blurred, frozen

A thread takes every picture as it comes, so that none waits in a driver's buffer and grows
old, and keeps only the newest. Opened by ``open_frames``.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING

from partsight.errors import PartsightError, SourceError
from partsight.records import Fault, Frame
from partsight.sources.capture_backend import CaptureBackend, CapturedImage
from partsight.sources.image_quality import Condition, ConditionCheck
from partsight.sources.latest_frame import LatestFrame
from partsight.sources.restarts import BACKOFF, BackoffSettings, Restarts
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.wall_clock import utc_now

if TYPE_CHECKING:
    from partsight.config.source import SourceConfig

__all__ = ["LiveFrames"]

# The longest that the thread waits before it looks at the clock, seconds.
_POLL_S = 0.05
# Closing a camera is killing a process, at most; a driver may keep that from ending.
_JOIN_S = 5.0

OpenGrabber = Callable[[], AbstractContextManager[CaptureBackend]]


class LiveFrames:
    """``Frames`` of a live source, taken by a thread of its own while this is entered.

    Args:
        name: what frames say they come from, without passwords.
        open_grabber: opens the source; called again after each loss.
        config: timeouts, conditions, warm-up.
        telemetry: gets the counts and the state ``source``.
        clock: seconds of ``time.monotonic``.
        now: the time that frames are said to be captured at.
        chance: a number in [0, 1).
        idle: waits so many seconds; None waits until the end, too.
        backoff: waits between attempts to open the source.
    """

    def __init__(
        self,
        name: str,
        open_grabber: OpenGrabber,
        config: SourceConfig,
        telemetry: Telemetry,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        chance: Callable[[], float] = random.random,
        idle: Callable[[float], object] | None = None,
        backoff: BackoffSettings | None = None,
    ) -> None:
        self._name, self._open, self._config, self._telemetry = (
            name,
            open_grabber,
            config,
            telemetry,
        )
        self._clock, self._now = clock, now
        self._ended = threading.Event()
        self._idle = idle or self._ended.wait
        self._mailbox = LatestFrame()
        self._backoff = backoff or BACKOFF
        self._restarts = Restarts(chance, self._backoff)
        self._held = ExitStack()
        self._grabber: CaptureBackend | None = None
        self._retry_at_s = self._opened_s = float("-inf")
        self._last_s: float | None = None
        self._check = ConditionCheck(config.conditions)
        self._to_skip = self._index = 0
        self._state = ""
        self._enter("starting", f"opening {name}")
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def __enter__(self) -> LiveFrames:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(_JOIN_S)

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """The newest frame, if it arrived after the moment; else the first to come, see ``Frames``.

        A frame that is not fit to be judged comes as a fault. That frames stay away is told
        once each time it begins, by a fault; then None comes, after the timeout.

        Raises:
            SourceError: the thread has ended, which is a defect.
        """
        return self._mailbox.after(monotonic_s, timeout_s)

    def step(self) -> None:
        """What the thread does over and over: open what is due, or take what comes."""
        if self._grabber is None:
            self._open_when_due()
        else:
            self._take(self._grabber)
        if self._last_s is not None:
            self._telemetry.set("frame_age_seconds", self._clock() - self._last_s)

    def _run(self) -> None:
        try:
            with self._held:
                while not self._ended.is_set():
                    self.step()
        finally:
            # Reached without the end being asked for only by an error that nobody foresaw.
            self._mailbox.close()

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
            self._grabber = self._held.enter_context(self._open())
        except (PartsightError, OSError, MemoryError) as error:
            self._lose(str(error) or type(error).__name__)

    def _take(self, grabber: CaptureBackend) -> None:
        try:
            shot = grabber.read(_POLL_S)
        except SourceError as error:
            self._lose(str(error))
            return
        if shot is None:
            self._notice_silence()
        else:
            self._receive(shot)

    def _notice_silence(self) -> None:
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
            self._stay_away(
                "stale",
                f"{self._name} gave no whole frame for {age_s:.1f} s, one at least every "
                f"{config.stale_after_s:g} s is expected (stale_after_s)",
            )

    def _receive(self, shot: CapturedImage) -> None:
        self._last_s = shot.monotonic_s
        self._telemetry.count("frames", by=1 + shot.skipped)
        self._telemetry.count("frames_dropped", by=shot.skipped)
        self._restarts.succeeded()
        if self._to_skip > 0:
            self._to_skip -= 1
            return
        found = self._check(shot.image_bgr, shot.monotonic_s)
        taken_s = shot.monotonic_s - self._config.delay_s
        event = self._event(shot, found, taken_s)
        self._index += 1
        if found is None:
            self._enter("running")
        else:
            self._enter(found.name, found.reason)
        if self._mailbox.put(event, taken_s):
            self._telemetry.count("frames_dropped")

    def _event(self, shot: CapturedImage, found: Condition | None, taken_s: float) -> Frame | Fault:
        taken_at = self._now() - timedelta(seconds=self._clock() - taken_s)
        if found is not None:
            return Fault(found.reason, taken_at, self._name, self._index)
        return Frame(shot.image_bgr, taken_at, self._name, self._index, taken_s)

    def _lose(self, reason: str) -> None:
        """Let go of the source, and say when it is to be opened again."""
        self._grabber = None
        self._held.close()
        now_s = self._clock()
        self._retry_at_s = now_s + self._restarts.next_wait_s(now_s)
        if self._restarts.exhausted:
            reason += (
                f"; more than {self._backoff.budget} attempts in "
                f"{self._backoff.window_s:g} s brought nothing lasting, so that only one "
                f"every {self._backoff.most_s:g} s is made now"
            )
        self._stay_away("disconnected", reason)

    def _stay_away(self, state: str, reason: str) -> None:
        entered = self._state != state
        self._enter(state, reason)
        if entered:
            self._mailbox.announce(Fault(reason, self._now(), self._name, self._index))

    def _enter(self, state: str, detail: str = "") -> None:
        self._state = state
        self._telemetry.state("source", state, detail)
