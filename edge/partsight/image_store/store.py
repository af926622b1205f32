"""The image store: plans files for the loop, and writes them in a thread of its own.

There is one folder per day; files appear whole or not at all. The loop never waits for the disk.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.image.encode import encode
from partsight.image.spec import PreprocessSpec
from partsight.image_store.annotate import annotate
from partsight.image_store.disk_guard import DiskGuard, Obstacle
from partsight.image_store.retention import Retention
from partsight.image_store.retention_schedule import RetentionSchedule
from partsight.image_store.save_plan import SavePlan, annotated_path, image_path, is_kept
from partsight.image_store.work_queue import Job, WorkQueue
from partsight.records import Frame, PartResult, Verdict
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.counts import counted
from partsight.utils.disk import free_bytes
from partsight.utils.files import write_atomic

if TYPE_CHECKING:
    from partsight.config.pictures import PicturesConfig
    from partsight.utils.elapsed import ElapsedTime

__all__ = ["OnLost", "ImageStore"]

logger = logging.getLogger(__name__)

# Called with path and reason if a planned image could not be saved.
OnLost = Callable[[str, str], None]

# Memory limit of frames that wait for the disk; a single frame is always accepted.
_QUEUE_BYTES = 16_000_000
# Retention frees this multiple of the smallest free space, so that new images fit.
_HEADROOM = 1.1
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class ImageStore:
    """Saves frames. A context manager: its thread runs within the block and flushes at the end.

    Args:
        folder: of the images; created with the first one.
        config: which frames to save, and for how long.
        telemetry: gets counts of saved and lost images, and the state ``pictures``.
        on_lost: called if a planned image is lost; in the store's thread, or in the thread that
            leaves the block.
        close_timeout_s: seconds to save waiting frames when the block ends.
        save: writes a file, whole or not at all.
        free_bytes: gives the free space on the disk of a folder.
        elapsed: known time, for deletion by age; None uses the clock of the machine.
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
        elapsed: ElapsedTime | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._config, self._telemetry = folder, config, telemetry
        self._on_lost, self._save, self._elapsed = on_lost, save, elapsed
        self._close_timeout_s = close_timeout_s
        self._aim_bytes = round(config.min_free_bytes * _HEADROOM)
        self._guard = DiskGuard(
            folder, config.min_free_bytes, self._aim_bytes, telemetry, free_bytes, monotonic
        )
        self._retention = Retention(
            folder,
            config,
            self._aim_bytes,
            free_bytes,
            now=time.time if elapsed is None else elapsed.now,
            monotonic=monotonic,
        )
        self._schedule = RetentionSchedule(self._retention.steps, monotonic)
        self._queue = WorkQueue(_QUEUE_BYTES, self._work, name="pictures")

    def __enter__(self) -> ImageStore:
        self._guard.look()
        self._queue.start()
        return self

    def __exit__(self, *error: object) -> None:
        for job in self._queue.close(self._close_timeout_s):
            self._lose(job.path, "closing", "the line stopped before it was written")

    def plan(
        self, part_id: str, verdict: Verdict, captured_at: datetime, *, fault: bool = False
    ) -> SavePlan:
        """Decide whether a part's frame will be saved, and where. Does not block.

        Args:
            part_id: id of the verdict.
            verdict: of the part.
            captured_at: time of the frame.
            fault: whether the part could not be inspected.
        """
        if not is_kept(part_id, verdict, self._config.keep_accepts, fault=fault):
            return SavePlan()
        obstacle = self._guard.obstacle() or self._queue_obstacle()
        if obstacle is None:
            return SavePlan(image_path(part_id, captured_at, self._config.format))
        self._telemetry.count("pictures_lost", obstacle.cause)
        return SavePlan(note=f"picture not kept: {obstacle.detail}")

    def keep(
        self, plan: SavePlan, frame: Frame, result: PartResult, spec: PreprocessSpec | None = None
    ) -> None:
        """Queue a frame to be written as planned; does nothing if it is not to be saved.

        Args:
            plan: result of ``plan`` for this part.
            frame: must not be changed afterwards.
            result: of the part.
            spec: preprocessing of the model, to draw its heat map.
        """
        if plan.path is not None and not self._queue.put(Job(plan.path, frame, result, spec)):
            self._lose(plan.path, "queue full", "too many pictures are waiting for the disk")

    def _queue_obstacle(self) -> Obstacle | None:
        waiting = self._queue.full()
        return (
            Obstacle("queue full", f"{counted(waiting, 'picture')} waiting for the disk")
            if waiting
            else None
        )

    def _work(self, job: Job | None) -> bool:
        """In the thread: write an image if there is one, then run a piece of retention."""
        if job is not None:
            self._keep(job)
        free = self._guard.look()
        return self._schedule.run_piece(short=free is not None and free < self._aim_bytes)

    def _keep(self, job: Job) -> None:
        path = self._folder / job.path
        try:
            frame = job.frame.image_bgr
            self._write(path, encode(frame, self._config.format, self._config.quality))
        except Exception as error:  # noqa: BLE001 - an error must not stop the following images
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

    def _write(self, path: Path, data: bytes) -> None:
        self._save(path, data)
        if self._elapsed is not None and self._elapsed.suspended is not None:
            # The file's age counts from here, once the wrong clock is set.
            known_s = self._elapsed.wall_of(self._elapsed.known_s())
            with contextlib.suppress(OSError):
                os.utime(path, (known_s, known_s))

    def _annotate(self, job: Job) -> None:
        if not self._config.annotate:
            return
        try:
            drawn = annotate(job.frame.image_bgr, job.result, job.spec)
            self._write(self._folder / annotated_path(job.path), encode(drawn))
        except Exception as error:  # noqa: BLE001 - the frame itself is saved
            self._telemetry.count("pictures_lost", "annotated")
            logger.warning("cannot save an annotated copy of %s: %s", job.path, error)

    def _lose(self, path: str, cause: str, reason: str) -> None:
        self._telemetry.count("pictures_lost", cause)
        logger.warning("the picture %s is lost: %s", path, reason)
        try:
            self._on_lost(path, reason)
        except Exception:  # errors of the journal are reported by it
            logger.exception("the loss of the picture %s could not be reported", path)


def _cause(error: Exception) -> str:
    origin = error.__cause__ if isinstance(error.__cause__, OSError) else error
    full = isinstance(origin, OSError) and origin.errno in _NO_ROOM
    return "disk full" if full else "failing"
