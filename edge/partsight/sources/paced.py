"""Plays a video file in real time like a camera: frames not requested in time are dropped."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator

from partsight.records import Fault, Frame
from partsight.sources.frames import NoMoreFrames
from partsight.sources.video import usual_fps
from partsight.telemetry.telemetry import Telemetry

__all__ = ["PacedFrames"]


class PacedFrames:
    """``Frames`` of a file at its own speed; it starts at the first request.

    Args:
        source: the frames, without delays.
        fps: frames per second; 25 if it is not a positive number.
        telemetry: gets the counts.
        clock: seconds of ``time.monotonic``.
        sleep: waits a number of seconds.
    """

    def __init__(
        self,
        source: Iterable[Frame | Fault],
        fps: float,
        telemetry: Telemetry,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._events: Iterator[Frame | Fault] = iter(source)
        self._period_s = 1 / usual_fps(fps)
        self._telemetry, self._clock, self._sleep = telemetry, clock, sleep
        self._due_s: float | None = None
        self._newest: Frame | Fault | None = None
        self._arrived_s = float("-inf")
        self._used = True
        self._ended = False

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """Return the newest frame that was due after a time, else the next one; see ``Frames``.

        Raises:
            NoMoreFrames: the file has ended.
        """
        deadline_s = self._clock() + timeout_s
        while True:
            self._play()
            if self._newest is not None and self._arrived_s > monotonic_s:
                self._used = True
                return self._newest
            if self._ended or self._due_s is None:
                raise NoMoreFrames
            wait_s = min(self._due_s, deadline_s) - self._clock()
            if wait_s <= 0 and deadline_s < self._due_s:
                return None
            self._sleep(max(0.0, wait_s))

    def _play(self) -> None:
        """Read all frames that are due, and keep the last one."""
        now_s = self._clock()
        if self._due_s is None:
            self._due_s = now_s
        while not self._ended and self._due_s <= now_s:
            event = next(self._events, None)
            if event is None:
                self._ended = True
                return
            self._telemetry.count("frames")
            if not self._used:
                self._telemetry.count("frames_dropped")
            if isinstance(event, Frame):
                event = dataclasses.replace(event, monotonic_s=self._due_s)
            self._newest, self._arrived_s, self._used = event, self._due_s, False
            self._due_s += self._period_s
