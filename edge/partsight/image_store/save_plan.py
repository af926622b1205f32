"""Selects the frames to save and their names. Pure.

Retention recognizes the store's files by these names.
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
# Temporary file of a killed writer, see ``files.atomic_path``.
_LEFT_OVER = re.compile(rf"\.({_ID})(?:{_ANNOTATED})?\.(?:jpg|png)\.[0-9a-f]{{32}}\.part")


@dataclass(frozen=True, slots=True)
class SavePlan:
    """Whether and where a part's frame will be saved.

    Attributes:
        path: of the frame, relative to the folder of images; None if it is not saved.
        note: why it cannot be saved although it is selected; for the verdict's reason.
    """

    path: str | None = None
    note: str | None = None


def is_kept(part_id: str, verdict: Verdict, accepts: float, *, fault: bool = False) -> bool:
    """Return whether a part's frame is saved: all but accepts, and a share of the accepts.

    Accepts are selected by a hash of the id: repeatable, and independent of the part's appearance
    and of the time of day.

    Args:
        part_id: id of the verdict.
        verdict: of the part.
        accepts: share of accepted parts to save, [0, 1].
        fault: whether the part could not be inspected, so that the verdict is the fail-safe one.
    """
    if fault or verdict is not Verdict.ACCEPT:
        return True
    uniform = int.from_bytes(hashlib.sha256(part_id.encode()).digest()[:8], "big") / 2**64
    return uniform < accepts


def image_path(part_id: str, captured_at: datetime, ending: str) -> str:
    """Return the path of a part's frame: ``2026-11-24/<id>.jpg``, by the day in UTC, like ids."""
    return f"{captured_at.astimezone(timezone.utc):%Y-%m-%d}/{part_id}.{ending}"


def annotated_path(path: str) -> str:
    """Return the path of the annotated image next to a frame; always a JPEG."""
    return str(PurePosixPath(path).with_suffix("")) + f"{_ANNOTATED}.jpg"


def is_day(name: str) -> bool:
    """Return whether a folder's name is that of a day."""
    return _DAY.fullmatch(name) is not None


def id_of(name: str) -> str | None:
    """Return the part's id from a file name; None if the file does not belong to the store."""
    known = _PICTURE.fullmatch(name)
    return known and known.group(1)


def is_left_over(name: str) -> bool:
    """Return whether a file is a temporary file of the store's writer."""
    return _LEFT_OVER.fullmatch(name) is not None
