"""Collects labelled pictures from the line's camera, for ``partsight capture``.

Frames become files in a label's folder, which ``train`` reads.
"""

from __future__ import annotations

import itertools
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from partsight.errors import SourceError
from partsight.image.encode import ImageFormat, encode
from partsight.image_files.part_names import SHOT_MARK
from partsight.image_files.walk import is_ignored
from partsight.records import Fault, Frame
from partsight.sources.frames import Frames, NoMoreFrames
from partsight.utils.files import create_atomic
from partsight.utils.redaction import redact_address, redact_text
from partsight.utils.wall_clock import utc_now

__all__ = ["CaptureTarget", "capture", "every", "is_plain_name", "on_each", "require_first_frame"]

_LONGEST_NAME = 100
# Longer than a camera needs to reconnect after it was unplugged.
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class CaptureTarget:
    """Folder, format and names of captured pictures.

    Attributes:
        folder: of the label.
        kind: format of the files.
        part: id of the part that all pictures show, so that training groups them; None if each
            picture shows another part.
    """

    folder: Path
    kind: ImageFormat = "png"
    part: str | None = None


def capture(
    frames: Frames, moments: Iterable[float], target: CaptureTarget, most: int | None = None
) -> Iterator[Path | Fault]:
    """Write the first frame after each of several times.

    Args:
        frames: of a source.
        moments: seconds of ``time.monotonic``; each is requested after the previous picture.
        target: folder, format and names. Existing files are not overwritten.
        most: number of pictures; None captures until the source or ``moments`` end.

    Yields:
        Each written file, and each fault of the source.

    Raises:
        OutputError: a picture cannot be written.
        SourceError: the source failed.
    """
    taken = 0
    for moment in moments:
        try:
            event = frames.after(moment, _PATIENCE_S)
        except NoMoreFrames:
            return
        if isinstance(event, Frame):
            taken += 1
            yield _write(event, target, taken)
        else:
            yield event or Fault(f"no frame came in {_PATIENCE_S:.0f} s", utc_now(), "", taken)
        if taken == most:
            return


def require_first_frame(
    frames: Frames,
    address: str,
    timeout_s: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Wait for a camera's first good frame. Unlike the line, this has a timeout.

    Raises:
        SourceError: no good frame came in time, with the reason.
    """
    started = monotonic()
    reason = f"no frame came in {timeout_s:.0f} s"
    while (left_s := started + timeout_s - monotonic()) > 0:
        event = frames.after(started, left_s)
        if isinstance(event, Frame):
            return
        if event is not None:
            reason = event.reason
    shown, cause = redact_address(address), redact_text(reason).rstrip(".")
    # Reasons of a camera begin with its address, and may already have advice.
    cause = cause.removeprefix(f"{shown}: ")
    advice = "Check that it is connected, readable by this user, not in use, lit, and in focus."
    raise SourceError(
        f"cannot capture from {shown}: {cause}." + ("" if "Check that" in cause else f" {advice}")
    )


def every(
    seconds: float,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[float]:
    """Yield times at an interval, each when it has come; the first at once."""
    due_s = monotonic()
    while True:
        sleep(max(0.0, due_s - monotonic()))
        yield monotonic()
        due_s = max(due_s + seconds, monotonic())  # missed times are not made up for


def on_each(
    lines: Iterable[str], *, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[float]:
    """Yield the time of each line, as when Enter is pressed in a terminal."""
    for _ in lines:
        yield monotonic()


def is_plain_name(name: str) -> bool:
    """Return whether a name is valid for folders and files on any disk, and read by training."""
    return (
        0 < len(name) <= _LONGEST_NAME
        and name == name.strip()
        and name.strip(".") == name
        and not is_ignored(name)
        and not set(name) & set('/\\:*?"<>|')
        and not any(unicodedata.category(each).startswith("C") for each in name)
    )


def _write(frame: Frame, target: CaptureTarget, first: int) -> Path:
    """Write a frame under the first free name, numbered from ``first``."""
    data = encode(frame.image_bgr, target.kind)
    stem = _stem(frame.captured_at, target.part)
    for number in itertools.count(first):
        path = target.folder / f"{stem}{number}.{target.kind}"
        if not path.exists() and create_atomic(path, data):
            break
    return path


def _stem(captured_at: datetime, part: str | None) -> str:
    """Return the beginning of a name: the part, or the time in UTC, which sorts."""
    if part is not None:
        return f"{part}{SHOT_MARK}"
    taken = captured_at.astimezone(timezone.utc)
    return f"{taken:%Y%m%dT%H%M%S}{taken.microsecond // 1000:03d}Z-"
