"""One input of a batch run: an image, or the reason why it cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Content", "Input", "InputImage", "Unreadable"]

# A file, an encoded image, or uint8 (H, W, 3) BGR.
Content = Path | bytes | NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class InputImage:
    """An image to classify.

    Attributes:
        name: in result rows: a path, ``archive.zip!/member`` or ``video.mp4#frame``.
        content: its file, bytes or pixels.
        modified_at: time of its last change, if the archive states one. For files it is read later.
    """

    name: str
    content: Content
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An input that cannot be read: a folder, a list, a member of an archive."""

    name: str
    reason: str


Input = InputImage | Unreadable
