"""What a source's address names: the one place that decides it.

What exists on disk wins over the form of the address: ``0`` is a folder where there is one of that
name, and ``/dev/shm/parts`` is no camera. ``watch``, ``capture``, ``config check`` and
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

# What the FFmpeg inside OpenCV reads over a network.
_STREAM_SCHEMES = frozenset(
    {
        *("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "rtmpt", "rtmpts"),
        *("rtp", "srtp", "udp", "udplite", "tcp", "tls", "srt", "mms", "mmsh", "mmst", "ftp"),
    }
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?=.)")
_FILE_URL = re.compile(r"file:(?://([^/]*))?(/(?!/).+)", re.IGNORECASE | re.DOTALL)
# Device folders that hold ordinary files, so that a missing path there is no unplugged camera.
_NO_CAMERAS = ("/dev/shm/", "/dev/disk/", "/dev/mqueue/", "/dev/hugepages/")


class Kind(str, Enum):
    """What an address names."""

    CAMERA = "camera"
    STREAM = "stream"  # also a snapshot address: only the response tells them apart
    VIDEO = "video"
    PICTURE = "picture"
    FOLDER = "folder"
    UNSUPPORTED = "unsupported"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """A classified address.

    Attributes:
        kind: what the address names.
        target: what to open: a camera's number, a device, a URL with a scheme in lower case, or a
            path on this machine.
        reason: why it cannot be opened and what to do, for ``UNSUPPORTED`` and ``MISSING``; it
            shows no password.
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
        """Whether this is a path to files, whether or not anything is there yet."""
        return self.kind in (Kind.VIDEO, Kind.PICTURE, Kind.FOLDER, Kind.MISSING)


def classify_address(address: str) -> SourceAddress:
    """Say what an address names, by what exists on disk first and by its form then."""
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
    """An address of a configuration file, so that it names the same from any current folder.

    Args:
        address: as written; a relative path starts at ``folder``.
        folder: of the configuration file, absolute; empty where there is none.
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
        # A folder of that name in the current folder is not meant.
        return f"/dev/video{int(address)}" if os.path.exists(address) else address
    return address if local or _by_form(address) else os.path.normpath(path)


def local_path(address: str) -> str:
    """The path that an address names, with ``file:`` URLs decoded; any other as it is."""
    path = None if os.path.exists(address) else _file_url(address)
    return path if isinstance(path, str) else address


def url_scheme(address: str) -> str | None:
    """The scheme of a URL in lower case, or None where the address is no URL."""
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
    """The path that a ``file:`` URL names; None for any other address."""
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
    """A camera, a stream or a form with a hint; None for what is a path."""
    if address.isascii() and address.isdecimal():
        return SourceAddress(Kind.CAMERA, address)
    if address.startswith("/dev/") and not f"{address}/".startswith(_NO_CAMERAS):
        return SourceAddress(Kind.CAMERA, address)  # not plugged in yet
    if reason := hint(address, _STREAM_SCHEMES):
        return SourceAddress(Kind.UNSUPPORTED, address, reason)
    scheme = url_scheme(address)
    if scheme is not None:
        return SourceAddress(Kind.STREAM, scheme + address[len(scheme) :])
    return None
