"""From an address to an open source. A new kind of source is named here."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.config.address_credentials import require_usable
from partsight.config.source_address import Kind, classify_address
from partsight.config.source_credentials import source_address
from partsight.errors import ConfigError, SourceError
from partsight.image.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources.base import Source
from partsight.sources.checked import CheckedFrames, FrameCheck
from partsight.sources.folder import FolderSource
from partsight.sources.frames import Frames, SequentialFrames
from partsight.sources.video import CaptureSource, usual_fps
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.redaction import redact_address, remember_address

if TYPE_CHECKING:
    from partsight.config.source import ConditionsConfig, SourceConfig

__all__ = ["open_frames", "open_source"]

logger = logging.getLogger(__name__)

_FROZEN_KEYS = {"frozen_frames", "frozen_after_s"}


def open_source(address: str, spec: PreprocessSpec) -> Source:
    """Open what ``--source`` names, to have every frame of it in turn.

    Args:
        address: a camera's number or ``/dev/videoN``, a stream's address with ``://``,
            a video file, a picture file, or a folder of pictures; see ``classify_address``.
        spec: what the frames are for; a folder's pictures are decoded for it.

    Raises:
        ConfigError: its user or password has a character that is not percent-encoded.
        SourceError: it cannot be opened, with what to try next.
    """
    require_usable(address)
    remember_address(address)
    found = classify_address(address)
    if found.is_live:
        return CaptureSource(
            int(found.target) if found.target.isdecimal() else found.target, live=True
        )
    if found.kind in (Kind.FOLDER, Kind.PICTURE):
        return FolderSource(Path(found.target), spec)
    if found.kind is Kind.VIDEO:
        return CaptureSource(found.target, live=False)
    raise SourceError(found.reason)


def open_frames(
    config: SourceConfig, spec: PreprocessSpec, telemetry: Telemetry
) -> AbstractContextManager[Frames]:
    """Open the line's source for triggers.

    A camera, a stream or a watched folder is opened when the block is entered, and for ever after:
    that it is not there is a state. A file, or a folder that is read once, must be there.

    Args:
        config: what to open and how to go about it.
        spec: what the frames are for.
        telemetry: gets the counts and the state ``source``.

    Raises:
        ConfigError: no address is given, or its user and password cannot be used.
        DatasetError: a folder that is read once has no pictures.
        SourceError: a file or folder cannot be opened.
    """
    address = source_address(config)
    if address is None:
        raise ConfigError("no source is given. Say --source, or address in [source].")
    found = classify_address(address)
    if address.isdecimal() and found.is_local:
        logger.warning(
            "source %s is the %s of that name; the camera is /dev/video%d",
            address,
            "folder" if found.kind is Kind.FOLDER else "file",
            int(address),
        )
    if found.is_live:
        return _live(found.target, config, telemetry)
    if config.folder.watch and found.kind in (Kind.FOLDER, Kind.MISSING):
        from partsight.sources.watched_folder import WatchedFolder

        folder = WatchedFolder(Path(found.target), spec, config.folder, telemetry)
        # By the files' own times: a backlog is read at once.
        check = FrameCheck(
            config.conditions, telemetry, lambda frame: frame.captured_at.timestamp()
        )
        return CheckedFrames(folder, check)
    if config.folder.watch and found.is_local:
        raise SourceError(
            f"cannot watch {found.target}: expected a folder, since watch = true in "
            "[source.folder]. Received a file. Give its folder, or take the key away."
        )
    return _sequential(address, config, spec, telemetry)


def _live(
    address: str, config: SourceConfig, telemetry: Telemetry
) -> AbstractContextManager[Frames]:
    from partsight.sources.capture_child import CaptureChild
    from partsight.sources.live import LiveFrames

    settings = config.camera.model_dump(exclude_none=True)

    def opened() -> CaptureChild:
        # Read again each time: a changed password is used without a restart.
        current = classify_address(source_address(config) or address).target
        return CaptureChild(current, settings)

    return LiveFrames(redact_address(address), opened, config, telemetry)


@contextmanager
def _sequential(
    address: str, config: SourceConfig, spec: PreprocessSpec, telemetry: Telemetry
) -> Iterator[Frames]:
    with open_source(address, spec) as source:
        telemetry.state("source", "running")
        events = map(_check(source, config.conditions, telemetry), source)
        if config.realtime and isinstance(source, CaptureSource):
            from partsight.sources.paced import PacedFrames

            yield PacedFrames(events, source.fps, telemetry)
        else:
            yield SequentialFrames(_counted(events, telemetry))


def _check(source: Source, limits: ConditionsConfig, telemetry: Telemetry) -> FrameCheck:
    """The check of a file's frames.

    A video may stand still for a while, and codecs repeat such a frame to the bit: it is frozen
    only where the configuration sets a limit for that. Pictures in a folder are not in the order
    in which they were taken: they are never frozen.
    """
    if isinstance(source, CaptureSource) and limits.model_fields_set & _FROZEN_KEYS:
        fps = usual_fps(source.fps)
        return FrameCheck(limits, telemetry, lambda frame: frame.index / fps)
    return FrameCheck(limits, telemetry)


def _counted(source: Iterable[Frame | Fault], telemetry: Telemetry) -> Iterator[Frame | Fault]:
    for event in source:
        telemetry.count("frames")
        yield event
