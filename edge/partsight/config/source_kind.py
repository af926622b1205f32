"""Kind of source in a configuration: each kind ignores some keys of ``[source]``."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from partsight.config.source_address import Kind, classify_address, url_scheme

if TYPE_CHECKING:
    from partsight.config.source import SourceConfig

__all__ = ["LIVE", "SourceKind", "source_kinds"]


class SourceKind(enum.Enum):
    """Kind of source, named as in messages."""

    CAMERA = "camera"
    STREAM = "stream"
    SNAPSHOT = "snapshot address"
    VIDEO = "video file"
    FOLDER = "folder that is read once"
    WATCHED_FOLDER = "watched folder"


LIVE = frozenset({SourceKind.CAMERA, SourceKind.STREAM, SourceKind.SNAPSHOT})


def source_kinds(config: SourceConfig) -> frozenset[SourceKind]:
    """Return the possible kinds of the source, such as several for a missing path.

    Returns:
        An empty set if the configuration has no address.
    """
    if config.address is None:
        return frozenset()
    found = classify_address(config.address)
    if found.kind is Kind.CAMERA:
        return frozenset({SourceKind.CAMERA})
    if found.kind is Kind.STREAM:
        # Only the response shows whether an HTTP address is a stream.
        by_http = url_scheme(found.target) in ("http", "https")
        either = {SourceKind.STREAM, SourceKind.SNAPSHOT}
        return frozenset(either if by_http else {SourceKind.STREAM})
    if found.kind is Kind.VIDEO:
        return frozenset({SourceKind.VIDEO})
    if found.kind is Kind.PICTURE:
        return frozenset({SourceKind.FOLDER})  # read as a folder of one file
    if config.folder.watch:
        return frozenset({SourceKind.WATCHED_FOLDER})
    if found.kind is Kind.FOLDER:
        return frozenset({SourceKind.FOLDER})
    return frozenset({SourceKind.VIDEO, SourceKind.FOLDER})
