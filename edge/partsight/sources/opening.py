"""From an address to an open source. A new kind of source is named here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.errors import ConfigError, SourceError
from partsight.health.vitals import Vitals
from partsight.picture.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources.address import is_live
from partsight.sources.base import Source
from partsight.sources.checked import CheckedFrames, FrameCheck
from partsight.sources.folder import FolderSource
from partsight.sources.frames import Frames, SequentialFrames
from partsight.sources.video import CaptureSource, usual_fps

if TYPE_CHECKING:
    from partsight.config.source import ConditionsConfig, SourceConfig

__all__ = ["open_frames", "open_source"]

_FROZEN_KEYS = {"frozen_frames", "frozen_after_s"}


def open_source(address: str, spec: PreprocessSpec) -> Source:
    """Open what ``--source`` names, to have every frame of it in turn.

    Args:
        address: a camera's number or ``/dev/videoN``, a stream's address with ``://``,
            a video file, or a folder of pictures.
        spec: what the frames are for; a folder's pictures are decoded for it.

    Raises:
        SourceError: it cannot be opened, with what to try next.
    """
    path = Path(address)
    if is_live(address):
        return CaptureSource(int(address) if address.isdecimal() else address, live=True)
    if path.is_dir():
        return FolderSource(path, spec)
    if path.is_file():
        return CaptureSource(address, live=False)
    raise SourceError(
        f"no source {address!r}: expected a camera's number, /dev/videoN, an address with ://, "
        "a video file or a folder. Check the path."
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
        ConfigError: no address is given.
        DatasetError: a folder that is read once has no pictures.
        SourceError: a file or folder cannot be opened.
    """
    address = config.address
    if address is None:
        raise ConfigError("no source is given. Say --source, or address in [source].")
    if is_live(address):
        return _live(address, config, vitals)
    if config.folder.watch:
        from partsight.sources.watched_folder import WatchedFolder

        folder = WatchedFolder(Path(address), spec, config.folder, vitals)
        # By the files' own times: a backlog is read at once.
        check = FrameCheck(config.conditions, vitals, lambda frame: frame.captured_at.timestamp())
        return CheckedFrames(folder, check)
    return _sequential(address, config, spec, vitals)


def _live(address: str, config: SourceConfig, vitals: Vitals) -> AbstractContextManager[Frames]:
    from partsight.sources.capture_child import CaptureChild, public_address
    from partsight.sources.live import LiveFrames

    settings = config.camera.model_dump(exclude_none=True)

    def opened() -> CaptureChild:
        return CaptureChild(address, settings, decode_threads=config.decode_threads)

    return LiveFrames(public_address(address), opened, config, vitals)


@contextmanager
def _sequential(
    address: str, config: SourceConfig, spec: PreprocessSpec, vitals: Vitals
) -> Iterator[Frames]:
    with open_source(address, spec) as source:
        vitals.state("source", "running")
        events = map(_check(source, config.conditions, vitals), source)
        if config.realtime and isinstance(source, CaptureSource):
            from partsight.sources.paced import PacedFrames

            yield PacedFrames(events, source.fps, vitals)
        else:
            yield SequentialFrames(_counted(events, vitals))


def _check(source: Source, limits: ConditionsConfig, vitals: Vitals) -> FrameCheck:
    """The check of a file's frames.

    A video may stand still for a while, and codecs repeat such a frame to the bit: it is frozen
    only where the configuration sets a limit for that. Pictures in a folder are not in the order
    in which they were taken: they are never frozen.
    """
    if isinstance(source, CaptureSource) and limits.model_fields_set & _FROZEN_KEYS:
        fps = usual_fps(source.fps)
        return FrameCheck(limits, vitals, lambda frame: frame.index / fps)
    return FrameCheck(limits, vitals)


def _counted(source: Iterable[Frame | Fault], vitals: Vitals) -> Iterator[Frame | Fault]:
    for event in source:
        vitals.count("frames")
        yield event
