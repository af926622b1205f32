"""Kind of source that an address names: camera, stream, video, image or folder.

A path that exists wins over the form of the address: ``0`` is a folder if one has that name, and
``/dev/shm/parts`` is not a camera. ``watch``, ``capture``, ``config check`` and
``install-service`` all use ``classify_address``. Imports nothing that a camera needs.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote

from partsight.config.source_address_hints import SUPPORTED, hint

__all__ = [
    "Kind",
    "SourceAddress",
    "classify_address",
    "local_path",
    "resolved_address",
    "url_scheme",
]

# Schemes of network streams that the FFmpeg in OpenCV reads.
_STREAM_SCHEMES = frozenset(
    {
        *("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "rtmpt", "rtmpts"),
        *("rtp", "srtp", "udp", "udplite", "tcp", "tls", "srt", "mms", "mmsh", "mmst", "ftp"),
    }
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?=.)")
_FILE_URL = re.compile(r"file:(?://([^/]*))?(/(?!/).+)", re.IGNORECASE | re.DOTALL)
# Device folders that hold ordinary files: a missing path there is not an unplugged camera.
_NO_CAMERAS = ("/dev/shm/", "/dev/disk/", "/dev/mqueue/", "/dev/hugepages/")


class Kind(str, Enum):
    """Kind of source."""

    CAMERA = "camera"
    STREAM = "stream"  # or a snapshot address: only the response shows which
    VIDEO = "video"
    PICTURE = "picture"
    FOLDER = "folder"
    UNSUPPORTED = "unsupported"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """A classified address.

    Attributes:
        kind: kind of source.
        target: number of a camera, device, URL with a scheme in lower case, or path.
        reason: why the source cannot be opened and what to do, for ``UNSUPPORTED`` and
            ``MISSING``; it shows no password.
    """

    kind: Kind
    target: str
    reason: str = ""

    @property
    def is_live(self) -> bool:
        """Whether this is a camera or stream, which has no end."""
        return self.kind in (Kind.CAMERA, Kind.STREAM)

    @property
    def is_local(self) -> bool:
        """Whether this is a path to files, which may not exist yet."""
        return self.kind in (Kind.VIDEO, Kind.PICTURE, Kind.FOLDER, Kind.MISSING)


def classify_address(address: str) -> SourceAddress:
    """Classify an address: an existing path first, then the form of the address."""
    if os.path.exists(address):
        return _on_disk(address)
    local = _file_url(address)
    if isinstance(local, SourceAddress):
        return local
    path = os.path.expanduser(address if local is None else local)
    if os.path.exists(path):
        return _on_disk(path)
    if local is None and (formed := _by_form(address)):
        return formed
    return SourceAddress(
        Kind.MISSING,
        path,
        f"no source {path!r}: expected {SUPPORTED}. Check the path.",
    )


def resolved_address(address: str, folder: str) -> str:
    """Make the address in a configuration file independent of the current folder.

    Args:
        address: address as written; a relative path starts at ``folder``.
        folder: absolute folder of the configuration file; empty without a file.
    """
    if not folder:
        return address
    path = os.path.join(folder, address)
    if os.path.exists(path):
        return os.path.normpath(path)
    local = _file_url(address)
    if isinstance(local, str) or address.startswith("~"):
        return os.path.expanduser(local if isinstance(local, str) else address)
    if address.isdecimal():
        # Not a folder of that name in the current folder.
        return f"/dev/video{int(address)}" if os.path.exists(address) else address
    return address if local or _by_form(address) else os.path.normpath(path)


def local_path(address: str) -> str:
    """Return the path that a ``file:`` URL names; other addresses are returned unchanged."""
    path = None if os.path.exists(address) else _file_url(address)
    return path if isinstance(path, str) else address


def url_scheme(address: str) -> str | None:
    """Return the scheme of a URL in lower case, or None if the address is not a URL."""
    found = _SCHEME.match(address)
    return found[1].lower() if found else None


def _on_disk(path: str) -> SourceAddress:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        return SourceAddress(Kind.FOLDER, path)
    if stat.S_ISCHR(mode):
        return SourceAddress(Kind.CAMERA, os.path.abspath(path))
    if stat.S_ISREG(mode):
        from partsight.image_files.media import is_video

        return SourceAddress(Kind.VIDEO if is_video(path) else Kind.PICTURE, path)
    return SourceAddress(
        Kind.UNSUPPORTED,
        path,
        f"{path} is a pipe, a socket or a disk: expected {SUPPORTED}. Write to a file in a watched "
        "folder, or serve the stream over RTSP or HTTP.",
    )


def _file_url(address: str) -> str | SourceAddress | None:
    """Return the path that a ``file:`` URL names, or None for any other address."""
    if not address.lower().startswith("file:"):
        return None
    found = _FILE_URL.fullmatch(address)
    if found is None or (found[1] or "localhost").lower() not in ("localhost", "127.0.0.1"):
        return SourceAddress(
            Kind.UNSUPPORTED,
            address,
            f"{address!r} names no file of this machine: expected file:/// and an absolute path. "
            "Write the path by itself; mount a folder of another machine first.",
        )
    return found[2] if os.path.exists(found[2]) else unquote(found[2])


def _by_form(address: str) -> SourceAddress | None:
    """Classify a camera, a stream or an address with a hint; None for a path."""
    if address.isascii() and address.isdecimal():
        return SourceAddress(Kind.CAMERA, address)
    if address.startswith("/dev/") and not f"{address}/".startswith(_NO_CAMERAS):
        return SourceAddress(Kind.CAMERA, address)  # it may be plugged in later
    if reason := hint(address, _STREAM_SCHEMES):
        return SourceAddress(Kind.UNSUPPORTED, address, reason)
    scheme = url_scheme(address)
    if scheme is not None:
        return SourceAddress(Kind.STREAM, scheme + address[len(scheme) :])
    return None
