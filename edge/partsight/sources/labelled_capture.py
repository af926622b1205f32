"""Labelled pictures from the very camera that will judge.

Enters: a source's frames. Leaves: files in a label's folder, which ``train`` reads. Called by
``partsight capture``.
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
from partsight.image_files.walk import is_ignored
from partsight.records import Fault, Frame
from partsight.sources.frames import Frames, NoMoreFrames
from partsight.utils.files import create_atomic
from partsight.utils.redaction import redact_address, redact_text
from partsight.utils.wall_clock import utc_now

__all__ = ["Place", "capture", "every", "is_plain_name", "on_each", "require_first_frame"]

# What training takes for shots of one part, see ``dataset.hash_place``.
_SHOT_MARK = "_nohash_"
_LONGEST_NAME = 100
# Longer than a camera takes to come back after somebody pulled its plug.
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where pictures go, and under what names.

    Attributes:
        folder: of the label.
        kind: of the files.
        part: what the shots are of, so that training keeps them together; None where each
            shows another part.
    """

    folder: Path
    kind: ImageFormat = "png"
    part: str | None = None


def capture(
    frames: Frames, moments: Iterable[float], place: Place, most: int | None = None
) -> Iterator[Path | Fault]:
    """Write the first frame after each of some moments.

    Args:
        frames: of a source.
        moments: seconds of ``time.monotonic``, each asked for when the one before is done.
        place: where the pictures go. Nothing that is there is overwritten.
        most: pictures; None takes them to the end of the source, or of the moments.

    Yields:
        Each file, whole on the disk, and each fault of the source.

    Raises:
        OutputError: a picture cannot be written.
        SourceError: the source can give no more.
    """
    taken = 0
    for moment in moments:
        try:
            event = frames.after(moment, _PATIENCE_S)
        except NoMoreFrames:
            return
        if isinstance(event, Frame):
            taken += 1
            yield _keep(event, place, taken)
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
    """Wait for a camera's first good frame. The line would wait for ever; here is somebody.

    Raises:
        SourceError: none came in time; with what was wrong.
    """
    started = monotonic()
    reason = f"no frame came in {timeout_s:.0f} s"
    while (left_s := started + timeout_s - monotonic()) > 0:
        event = frames.after(started, left_s)
        if isinstance(event, Frame):
            return
        if event is not None:
            reason = event.reason
    shown, told = redact_address(address), redact_text(reason).rstrip(".")
    # What a camera reports begins with its address, and may say what to do.
    told = told.removeprefix(f"{shown}: ")
    advice = "Check that it is connected, readable by this user, not in use, lit, and in focus."
    raise SourceError(
        f"cannot capture from {shown}: {told}." + ("" if "Check that" in told else f" {advice}")
    )


def every(
    seconds: float,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[float]:
    """Moments so far apart, by a clock: the first now, later ones when they come; 0 for any."""
    due_s = monotonic()
    while True:
        sleep(max(0.0, due_s - monotonic()))
        yield monotonic()
        due_s = max(due_s + seconds, monotonic())  # what was missed is not made up for


def on_each(
    lines: Iterable[str], *, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[float]:
    """The moments at which lines come, as from a terminal where Enter is pressed."""
    for _ in lines:
        yield monotonic()


def is_plain_name(name: str) -> bool:
    """Whether a label or part can name a folder or file on any disk, and is read by training."""
    return (
        0 < len(name) <= _LONGEST_NAME
        and name == name.strip()
        and name.strip(".") == name
        and not is_ignored(name)
        and not set(name) & set('/\\:*?"<>|')
        and not any(unicodedata.category(each).startswith("C") for each in name)
    )


def _keep(frame: Frame, place: Place, first: int) -> Path:
    """Write a frame under the first name that is free, of those from a number on."""
    data = encode(frame.image_bgr, place.kind)
    stem = _stem(frame.captured_at, place.part)
    for number in itertools.count(first):
        path = place.folder / f"{stem}{number}.{place.kind}"
        if not path.exists() and create_atomic(path, data):
            break
    return path


def _stem(captured_at: datetime, part: str | None) -> str:
    """What a name begins with. The time is UTC and sorts; no disk minds its letters."""
    if part is not None:
        return f"{part}{_SHOT_MARK}"
    taken = captured_at.astimezone(timezone.utc)
    return f"{taken:%Y%m%dT%H%M%S}{taken.microsecond // 1000:03d}Z-"
