"""Opens a source by its address. A new kind of source gets a case here."""

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
    """Open a source to read all its frames in order.

    Args:
        address: a camera's number or ``/dev/videoN``, a stream's address with ``://``,
            a video file, an image file, or a folder of image files; see ``classify_address``.
        spec: preprocessing of the model; image files are decoded for it.

    Raises:
        ConfigError: user or password have characters that are not percent-encoded.
        SourceError: the source cannot be opened.
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

    A camera, a stream or a watched folder is opened when the block is entered, and again whenever
    it fails: its absence is a state. A file, or a folder that is read once, must exist.

    Args:
        config: the section ``[source]``.
        spec: preprocessing of the model.
        telemetry: gets the counts and the state ``source``.

    Raises:
        ConfigError: no address is given, or its user and password are malformed.
        DatasetError: a folder that is read once has no image files.
        SourceError: a file or folder cannot be opened.
    """
    address = source_address(config)
    if address is None:
        raise ConfigError("no source is given. Set --source, or address in [source].")
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
        return _watched(Path(found.target), config, spec, telemetry)
    if config.folder.watch and found.is_local:
        raise SourceError(
            f"cannot watch {found.target}: expected a folder, since watch = true in "
            "[source.folder]. Received a file. Give its folder, or remove the key."
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


def _watched(
    folder: Path, config: SourceConfig, spec: PreprocessSpec, telemetry: Telemetry
) -> AbstractContextManager[Frames]:
    from partsight.sources.watched_folder import WatchedFolder

    # By the files' own times, since several files may be read at once.
    check = FrameCheck(config.conditions, telemetry, lambda frame: frame.captured_at.timestamp())
    return CheckedFrames(WatchedFolder(folder, spec, config.folder, telemetry), check)


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
    """Return the quality check for a file or folder.

    A video may stand still for a while, and codecs repeat such a frame exactly: it counts as
    frozen only if the configuration sets a limit. Image files in a folder are not in the order of
    their capture, so they are never frozen.
    """
    if isinstance(source, CaptureSource) and limits.model_fields_set & _FROZEN_KEYS:
        fps = usual_fps(source.fps)
        return FrameCheck(limits, telemetry, lambda frame: frame.index / fps)
    return FrameCheck(limits, telemetry)


def _counted(source: Iterable[Frame | Fault], telemetry: Telemetry) -> Iterator[Frame | Fault]:
    for event in source:
        telemetry.count("frames")
        yield event
