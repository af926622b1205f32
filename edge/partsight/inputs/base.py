"""One thing to be judged, or why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Content", "Input", "InputImage", "Unreadable"]

# A file, an encoded picture, or uint8 (H, W, 3) BGR.
Content = Path | bytes | NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class InputImage:
    """A picture that is to be judged.

    Attributes:
        name: what it is called in rows: a path, ``archive.zip!/member`` or ``video.mp4#frame``.
        content: what it is decoded from.
        modified_at: when it was last changed, where an archive says so; a file is asked itself.
    """

    name: str
    content: Content
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What was to be judged and cannot be: a folder, a list, a member of an archive."""

    name: str
    reason: str


Input = InputImage | Unreadable
