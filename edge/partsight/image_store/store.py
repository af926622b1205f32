"""The picture store: promises files to the loop, and writes them in a thread of its own.

Enters: verdicts, and then their frames. Leaves: files in a folder a day, each whole or not
there. Called by the loop, which never waits for the disk.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from partsight.image.encode import encode
from partsight.image.spec import PreprocessSpec
from partsight.image_store.annotate import annotate
from partsight.image_store.disk_guard import DiskGuard, Obstacle
from partsight.image_store.retention import Limits, Retention
from partsight.image_store.retention_schedule import Tidying
from partsight.image_store.save_plan import SavePlan, annotated_path, image_path, is_kept
from partsight.image_store.work_queue import Job, WorkQueue
from partsight.records import Frame, PartResult, Verdict
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.disk import free_bytes
from partsight.utils.files import write_atomic

if TYPE_CHECKING:
    from partsight.config.pictures import PicturesConfig

__all__ = ["OnLost", "ImageStore"]

logger = logging.getLogger(__name__)

# Told of a promised picture that is not there after all: its path, and why.
OnLost = Callable[[str, str], None]

# Frames that wait for the disk take so much memory, or one frame, whatever it takes.
_QUEUE_BYTES = 16_000_000
# Old pictures go while this much more than the least is free, so that new ones find room.
_HEADROOM = 1.1
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class ImageStore:
    """Keeps frames. A context manager: its thread runs within, and flushes at the end.

    Args:
        folder: gets the pictures; made when the first comes.
        config: which are kept, and for how long.
        telemetry: is told what is kept and lost, and the state.
        on_lost: called where a promised picture is lost; in the store's thread, or in that
            which leaves the context.
        close_timeout_s: how long leaving the context may take for what still waits.
        save: writes a file, whole or not at all.
        free_bytes: tells the room on the disk of a folder.
        now: Unix seconds.
        monotonic: seconds.
    """

    def __init__(
        self,
        folder: Path,
        config: PicturesConfig,
        telemetry: Telemetry,
        on_lost: OnLost,
        *,
        close_timeout_s: float = 3.0,
        save: Callable[[Path, bytes], None] = write_atomic,
        free_bytes: Callable[[Path], int] = free_bytes,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._config, self._telemetry = folder, config, telemetry
        self._on_lost, self._save = on_lost, save
        self._close_timeout_s = close_timeout_s
        self._aim_bytes = round(config.min_free_bytes * _HEADROOM)
        self._guard = DiskGuard(
            folder, config.min_free_bytes, self._aim_bytes, telemetry, free_bytes, monotonic
        )
        limits = Limits(config.max_age_days, config.max_count, self._aim_bytes)
        self._retention = Retention(folder, limits, free_bytes, now=now, monotonic=monotonic)
        self._tidying = Tidying(self._retention.steps, monotonic)
        self._queue = WorkQueue(_QUEUE_BYTES, self._work, name="pictures")

    def __enter__(self) -> ImageStore:
        self._guard.look()
        self._queue.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for job in self._queue.close(self._close_timeout_s):
            self._lose(job.path, "closing", "the line stopped before it was written")

    def plan(
        self, part_id: str, verdict: Verdict, captured_at: datetime, *, fault: bool = False
    ) -> SavePlan:
        """Say at once whether a part's frame will be kept, and where.

        Args:
            part_id: the verdict's id.
            verdict: what is to be done with the part.
            captured_at: when the frame was.
            fault: whether the verdict is the fail-safe one.
        """
        if not is_kept(part_id, verdict, self._config.keep_accepts, fault=fault):
            return SavePlan()
        obstacle = self._guard.obstacle() or self._queue_obstacle()
        if obstacle is None:
            return SavePlan(image_path(part_id, captured_at, self._config.format))
        self._telemetry.count("pictures_lost", obstacle.cause)
        return SavePlan(note=f"picture not kept: {obstacle.told}")

    def keep(
        self, plan: SavePlan, frame: Frame, result: PartResult, spec: PreprocessSpec | None = None
    ) -> None:
        """Hand over a frame, to be written as planned. Does nothing where it is not kept.

        Args:
            plan: what ``plan`` said of this part.
            frame: nobody may change it afterwards.
            result: what was made of it.
            spec: the preprocessing of the model that judged, to draw its heat map by.
        """
        if plan.path is not None and not self._queue.put(Job(plan.path, frame, result, spec)):
            self._lose(plan.path, "queue full", "too many pictures wait for the disk")

    def _queue_obstacle(self) -> Obstacle | None:
        waiting = self._queue.full()
        return Obstacle("queue full", f"{waiting} wait for the disk") if waiting else None

    def _work(self, job: Job | None) -> bool:
        """In the thread: write a picture if there is one, then tidy a piece; True for more."""
        if job is not None:
            self._keep(job)
        free = self._guard.look()
        return self._tidying.take_a_piece(short=free is not None and free < self._aim_bytes)

    def _keep(self, job: Job) -> None:
        path = self._folder / job.path
        try:
            frame = job.frame.image_bgr
            self._save(path, encode(frame, self._config.format, self._config.quality))
        except Exception as error:  # noqa: BLE001 - whatever befalls one picture, the next is kept
            cause = _cause(error)
            self._guard.failed(cause, str(error))
            if self._queue.settle(job):
                self._lose(job.path, cause, str(error))
            return
        self._guard.succeeded()
        self._retention.added(path.parent.name)
        if self._queue.settle(job):
            self._telemetry.count("pictures_kept")
        self._annotate(job)

    def _annotate(self, job: Job) -> None:
        if not self._config.annotate:
            return
        try:
            drawn = annotate(job.frame.image_bgr, job.result, job.spec)
            self._save(self._folder / annotated_path(job.path), encode(drawn))
        except Exception as error:  # noqa: BLE001 - the frame itself is kept, and so is the next
            self._telemetry.count("pictures_lost", "annotated")
            logger.warning("nothing can be drawn on a copy of %s: %s", job.path, error)

    def _lose(self, path: str, cause: str, reason: str) -> None:
        self._telemetry.count("pictures_lost", cause)
        logger.warning("the picture %s is lost: %s", path, reason)
        try:
            self._on_lost(path, reason)
        except Exception:  # the journal's trouble is its own
            logger.exception("nobody could be told that the picture %s is lost", path)


def _cause(error: Exception) -> str:
    origin = error.__cause__ if isinstance(error.__cause__, OSError) else error
    full = isinstance(origin, OSError) and origin.errno in _NO_ROOM
    return "disk full" if full else "failing"
