"""Sources of frames. A new kind of source is a module here and a case in ``opening``.

Names are imported on first use: the process that reads a camera is in this package too, and does
not need the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partsight.sources.base import Source
    from partsight.sources.folder import FolderSource
    from partsight.sources.opening import open_frames, open_source
    from partsight.sources.scripted import ScriptedSource
    from partsight.sources.video import CaptureSource

__all__ = [
    "CaptureSource",
    "FolderSource",
    "ScriptedSource",
    "Source",
    "open_frames",
    "open_source",
]

_HOMES = {
    "CaptureSource": "partsight.sources.video",
    "FolderSource": "partsight.sources.folder",
    "ScriptedSource": "partsight.sources.scripted",
    "Source": "partsight.sources.base",
    "open_frames": "partsight.sources.opening",
    "open_source": "partsight.sources.opening",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'partsight.sources' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
