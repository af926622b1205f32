"""A folder in which a camera or another program writes image files, one per part.

Gives a frame for each new or overwritten file once it is complete, in order of arrival, and a fault
for a damaged one. Unlike with a camera, no frame is dropped: each file is a part.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.errors import ImageError
from partsight.image.decode import decode
from partsight.image.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources.arrival import Arrival
from partsight.sources.arrivals import Arrivals
from partsight.sources.folder import captured_at
from partsight.sources.folder_tree import COARSE_S
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.wall_clock import utc_now

if TYPE_CHECKING:
    from partsight.config.source import FolderConfig

__all__ = ["WatchedFolder"]


class WatchedFolder(nullcontext["WatchedFolder"]):
    """``Frames`` of the new files in a folder and in all folders below it.

    Folders that are created later, such as one per day, are watched too; ignored folders
    (``image_files.walk.is_ignored``) and links to a folder of the tree are not.

    A file that was renamed into place is read at once, another one after it is unchanged for
    ``settle_s``, or 2 s if the filesystem counts whole seconds. Names may be reused: each content
    is read once, identified by inode, size and time of change. So a touched file is read again; a
    file moved within the tree under its own name is not. An overwritten file is found at once if
    it is among the latest 64, and within about 10 s otherwise.

    Args:
        folder: to watch; while it does not exist, the source is ``disconnected``.
        spec: preprocessing of the model, for decoding.
        config: whether to read existing files, and how long to wait.
        telemetry: gets the counts and the state ``source``.
        clock: seconds of ``time.monotonic``.
        sleep: waits a number of seconds.
    """

    def __init__(
        self,
        folder: Path,
        spec: PreprocessSpec,
        config: FolderConfig,
        telemetry: Telemetry,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(self)
        self._folder, self._spec, self._config = folder, spec, config
        self._telemetry, self._clock, self._sleep = telemetry, clock, sleep
        self._arrivals: Arrivals | None = None
        self._index = 0
        self._gone: bool | None = None  # unknown
        telemetry.state("source", "starting", f"watching {folder}")
        self._pending = self._look()  # marks the existing files

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """Return the next file's frame; it is read now, so after any time in the past."""
        deadline_s = self._clock() + timeout_s
        while True:
            event, self._pending = self._pending or self._look(), None
            wait_s = min(self._config.poll_s, deadline_s - self._clock())
            if event is not None or wait_s <= 0:
                return event
            self._sleep(wait_s)

    def _look(self) -> Frame | Fault | None:
        try:
            arrivals = self._opened()
            waiting = arrivals.waiting(self._clock())
        except OSError as error:
            return self._is_gone(error)
        if self._gone is not False:  # the image quality sets the state later
            self._telemetry.state("source", "running")
        self._gone = False
        if arrivals.problems:
            path, reason = arrivals.problems.popleft()
            return self._fault(f"the folder {path} cannot be read: {reason}", path)
        for arrival in waiting:
            settled = self._is_settled(arrival)
            if settled or (arrival.renamed and not arrival.tried):
                event = self._taken(arrivals, arrival, settled)
                if event is not None:
                    return event
        return None

    def _is_settled(self, arrival: Arrival) -> bool:
        settle_s = self._config.settle_s
        if arrival.coarse and not arrival.renamed:
            settle_s = max(settle_s, COARSE_S)
        return self._clock() - arrival.unchanged_since_s >= settle_s

    def _fault(self, reason: str, path: str) -> Fault:
        fault = Fault(reason, utc_now(), path, self._index)
        self._index += 1
        self._telemetry.count("frames")
        return fault

    def _opened(self) -> Arrivals:
        if self._arrivals is None:
            arrivals = Arrivals(self._folder)
            if not self._config.existing:
                arrivals.skip_existing()
            self._arrivals = arrivals
        return self._arrivals

    def _taken(self, arrivals: Arrivals, arrival: Arrival, settled: bool) -> Frame | Fault | None:
        path = self._folder / arrival.name
        event: Frame | ImageError
        try:
            image_bgr = decode(path, self._spec)
        except ImageError as error:
            event = error
        else:
            changed_at = captured_at(path, arrival.changed_ns / 1e9)
            event = Frame(image_bgr, changed_at, str(path), self._index)
        if not arrivals.is_unchanged(arrival):  # overwritten meanwhile: may be a mix of both
            return None
        if isinstance(event, ImageError) and not settled:  # may still be written
            arrival.tried = True
            return None
        arrivals.done(arrival)
        if isinstance(event, ImageError):
            return self._fault(f"{arrival.name}: {event}", str(path))
        self._index += 1
        self._telemetry.count("frames")
        return event

    def _is_gone(self, error: OSError) -> Fault | None:
        if self._gone:
            return None
        self._gone = True
        reason = f"the folder {self._folder} cannot be read: {error.strerror}"
        self._telemetry.state("source", "disconnected", reason)
        return Fault(reason, utc_now(), str(self._folder), self._index)
