"""Which frames are kept, and under what names. Pure.

Enters: a verdict and its id. Leaves: a path in the folder of pictures. Called by the store
and by retention, which knows its own files by these names.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath

from partsight.records import Verdict

__all__ = [
    "SavePlan",
    "annotated_path",
    "id_of",
    "is_day",
    "is_kept",
    "is_left_over",
    "image_path",
]

_ANNOTATED = "-annotated"
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_PICTURE = re.compile(rf"({_ID})(?:{_ANNOTATED})?\.(?:jpg|png)")
# See ``files.atomic_path``: what a writer that was killed leaves.
_LEFT_OVER = re.compile(rf"\.({_ID})(?:{_ANNOTATED})?\.(?:jpg|png)\.[0-9a-f]{{32}}\.part")


@dataclass(frozen=True, slots=True)
class SavePlan:
    """What will be kept of a part.

    Attributes:
        path: of the frame, in the folder of pictures; None where it is not kept.
        note: why it cannot be kept, though it should; for the verdict's reason.
    """

    path: str | None = None
    note: str | None = None


def is_kept(part_id: str, verdict: Verdict, accepts: float, *, fault: bool = False) -> bool:
    """Whether a part's frame is kept: all but accepts, and a share of those.

    Which accepts these are is told by a hash of the id: the same for everyone who asks, and
    nothing that a part's looks or its place in the day could have to do with.

    Args:
        part_id: the verdict's id.
        verdict: what is to be done with the part.
        accepts: the share of accepted parts, in [0, 1].
        fault: whether the verdict is the fail-safe one, for want of a judgement.
    """
    if fault or verdict is not Verdict.ACCEPT:
        return True
    place = int.from_bytes(hashlib.sha256(part_id.encode()).digest()[:8], "big") / 2**64
    return place < accepts


def image_path(part_id: str, captured_at: datetime, ending: str) -> str:
    """Where a part's frame is kept: ``2026-11-24/<id>.jpg``, by the day in UTC, as ids are."""
    return f"{captured_at.astimezone(timezone.utc):%Y-%m-%d}/{part_id}.{ending}"


def annotated_path(path: str) -> str:
    """Where the annotated picture beside a frame is; always a JPEG."""
    return str(PurePosixPath(path).with_suffix("")) + f"{_ANNOTATED}.jpg"


def is_day(name: str) -> bool:
    """Whether a folder's name is one of a day."""
    return _DAY.fullmatch(name) is not None


def id_of(name: str) -> str | None:
    """The id of the part that a file is of; None of a file that is not the store's."""
    known = _PICTURE.fullmatch(name)
    return known and known.group(1)


def is_left_over(name: str) -> bool:
    """Whether a file is what a writer of the store began and never finished."""
    return _LEFT_OVER.fullmatch(name) is not None
