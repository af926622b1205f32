"""Recognizes video files, in the same way for ``classify`` and ``watch``."""

from __future__ import annotations

import os

from partsight.image_files.read import IMAGE_SUFFIXES
from partsight.image_files.walk import VIDEO_SUFFIXES

__all__ = ["is_video"]

# Two packets of an MPEG transport stream with timestamps.
_HEAD_BYTES = 2 * 192 + 4
_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"OggS",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: WMV
    b"YUV4MPEG2 ",
    b".RMF",
    b"DKIF",  # IVF
    b"\x06\x0e\x2b\x34",  # MXF
    b"\x00\x00\x00\x01\x67",  # H.264
    b"\x00\x00\x00\x01\x40\x01",  # H.265
)
# First boxes of an ISO media file, at byte 4. HEIC and AVIF images are such files too.
_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip")
_IMAGE_BRANDS = (b"hei", b"hev", b"mif1", b"msf1", b"avi", b"mia")
_PACKET_SYNC = 0x47


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a video, by its ending, or by its first bytes if the ending is unknown."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix in VIDEO_SUFFIXES or suffix in IMAGE_SUFFIXES:
        return suffix in VIDEO_SUFFIXES
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as stream:
            return _begins_as_video(stream.read(_HEAD_BYTES))
    except (OSError, ValueError):
        return False


def _begins_as_video(head: bytes) -> bool:
    if head.startswith(_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return True
    if head[4:8] == b"ftyp":
        return not head[8:12].startswith(_IMAGE_BRANDS)
    if head[4:8] in _BOXES:
        return True
    return any(
        len(head) > start + size and head[start] == head[start + size] == _PACKET_SYNC
        for start, size in ((0, 188), (4, 192))
    )
