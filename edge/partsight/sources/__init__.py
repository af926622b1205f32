"""Where frames come from. A new kind of source is a file here and a line in ``open_source``."""

from __future__ import annotations

from pathlib import Path

from partsight.errors import SourceError
from partsight.preprocess_spec import PreprocessSpec
from partsight.sources.base import Source
from partsight.sources.folder import FolderSource
from partsight.sources.scripted import ScriptedSource
from partsight.sources.video import CaptureSource

__all__ = ["CaptureSource", "FolderSource", "ScriptedSource", "Source", "open_source"]


def open_source(address: str, spec: PreprocessSpec) -> Source:
    """Open what ``--source`` names.

    Args:
        address: a camera's number or ``/dev/videoN``, a stream's address with ``://``,
            a video file, or a folder of pictures.
        spec: what the frames are for; a folder's pictures are decoded for it.

    Raises:
        SourceError: it cannot be opened, with what to try next.
    """
    path = Path(address)
    if address.isdecimal():
        return CaptureSource(int(address), live=True)
    if address.startswith("/dev/") or "://" in address:
        return CaptureSource(address, live=True)
    if path.is_dir():
        return FolderSource(path, spec)
    if path.is_file():
        return CaptureSource(address, live=False)
    raise SourceError(
        f"no source {address!r}: expected a camera's number, /dev/videoN, an address with ://, "
        "a video file or a folder. Check the path."
    )
