"""From an address to an open source. A new kind of source is named here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.errors import ConfigError, SourceError
from partsight.health.vitals import Vitals
from partsight.picture.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.redaction import redact_address, remember_address
from partsight.sources.address import is_live
from partsight.sources.base import Source
from partsight.sources.credentials import require_usable, source_address
from partsight.sources.folder import FolderSource
from partsight.sources.frames import Frames, SequentialFrames
from partsight.sources.video import CaptureSource

if TYPE_CHECKING:
    from partsight.config.source import SourceConfig

__all__ = ["open_frames", "open_source"]


def open_source(address: str, spec: PreprocessSpec) -> Source:
    """Open what ``--source`` names, to have every frame of it in turn.

    Args:
        address: a camera's number or ``/dev/videoN``, a stream's address with ``://``,
            a video file, or a folder of pictures.
        spec: what the frames are for; a folder's pictures are decoded for it.

    Raises:
        ConfigError: its user or password has a character that is not percent-encoded.
        SourceError: it cannot be opened, with what to try next.
    """
    require_usable(address)
    remember_address(address)
    path = Path(address)
    if is_live(address):
        return CaptureSource(int(address) if address.isdecimal() else address, live=True)
    if path.is_dir():
        return FolderSource(path, spec)
    if path.is_file():
        return CaptureSource(address, live=False)
    raise SourceError(
        f"no source {redact_address(address)!r}: expected a camera's number, /dev/videoN, an "
        "address with ://, a video file or a folder. Check the path."
    )


def open_frames(
    config: SourceConfig, spec: PreprocessSpec, vitals: Vitals
) -> AbstractContextManager[Frames]:
    """Open the line's source for triggers.

    A camera, a stream or a watched folder is opened when the block is entered, and for ever after:
    that it is not there is a state. A file, or a folder that is read once, must be there.

    Args:
        config: what to open and how to go about it.
        spec: what the frames are for.
        vitals: gets the counts and the state ``source``.

    Raises:
        ConfigError: no address is given, or its user and password cannot be used.
        DatasetError: a folder that is read once has no pictures.
        SourceError: a file or folder cannot be opened.
    """
    address = source_address(config)
    if address is None:
        raise ConfigError("no source is given. Say --source, or address in [source].")
    if is_live(address):
        return _live(address, config, vitals)
    if config.folder.watch:
        from partsight.sources.watched_folder import WatchedFolder

        return WatchedFolder(Path(address), spec, config.folder, vitals)
    return _sequential(address, config.realtime, spec, vitals)


def _live(address: str, config: SourceConfig, vitals: Vitals) -> AbstractContextManager[Frames]:
    from partsight.sources.capture_child import CaptureChild
    from partsight.sources.live import LiveFrames

    settings = config.camera.model_dump(exclude_none=True)

    def opened() -> CaptureChild:
        # Each time anew: a password that was changed is used without a restart.
        current = source_address(config) or address
        return CaptureChild(current, settings, decode_threads=config.decode_threads)

    return LiveFrames(redact_address(address), opened, config, vitals)


@contextmanager
def _sequential(
    address: str, realtime: bool, spec: PreprocessSpec, vitals: Vitals
) -> Iterator[Frames]:
    with open_source(address, spec) as source:
        vitals.state("source", "running")
        if realtime and isinstance(source, CaptureSource):
            from partsight.sources.paced import PacedFrames

            yield PacedFrames(source, source.fps, vitals)
        else:
            yield SequentialFrames(_counted(source, vitals))


def _counted(source: Source, vitals: Vitals) -> Iterator[Frame | Fault]:
    for event in source:
        vitals.count("frames")
        yield event
