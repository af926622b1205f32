"""What kind of source a configuration names: each kind ignores some keys of ``[source]``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.sources.address import is_live

if TYPE_CHECKING:
    from partsight.config.source import SourceConfig

__all__ = ["LIVE", "SourceKind", "source_kinds"]


class SourceKind(enum.Enum):
    """As messages name it."""

    CAMERA = "camera"
    STREAM = "stream"
    VIDEO = "video file"
    FOLDER = "folder that is read once"
    WATCHED_FOLDER = "watched folder"


LIVE = frozenset({SourceKind.CAMERA, SourceKind.STREAM})


def source_kinds(config: SourceConfig) -> frozenset[SourceKind]:
    """The kind of the source; several where that cannot be told, such as of a missing path.

    Returns:
        Nothing where the configuration has no address.
    """
    address = config.address
    if address is None:
        return frozenset()
    if is_live(address):
        return frozenset({SourceKind.STREAM if "://" in address else SourceKind.CAMERA})
    path = Path(address)
    if path.is_file():
        return frozenset({SourceKind.VIDEO})
    if config.folder.watch:
        return frozenset({SourceKind.WATCHED_FOLDER})
    if path.is_dir():
        return frozenset({SourceKind.FOLDER})
    return frozenset({SourceKind.VIDEO, SourceKind.FOLDER})
