"""The source: whether it is there and can be opened.

Cameras and streams are not opened: another program may use the camera, and one that is missing
now is a state of the line, which it recovers from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from partsight.config.source import SourceConfig
from partsight.errors import PartsightError
from partsight.picture.spec import PreprocessSpec
from partsight.preflight.findings import Finding
from partsight.sources.address import is_live
from partsight.sources.opening import open_source

__all__ = ["check_source"]

_KEY = "source.address"
# Of any size: files are opened, and nothing is inspected.
_ANY_SPEC = PreprocessSpec(224, 224)


def check_source(config: SourceConfig) -> Iterator[Finding]:
    """Check the address of ``[source]``; none is no finding, as ``watch --source`` gives one."""
    address = config.address
    if address is None:
        return
    if is_live(address):
        yield from _camera(Path(f"/dev/video{address}" if address.isdecimal() else address))
    elif config.folder.watch:
        yield from _watched_folder(Path(address))
    else:
        try:
            with open_source(address, _ANY_SPEC):
                pass
        except PartsightError as error:
            yield Finding(_KEY, str(error))


def _camera(device: Path) -> Iterator[Finding]:
    if not device.is_absolute() or os.name != "posix":
        return
    if not device.exists():
        yield Finding(_KEY, f"there is no {device}. Connect the camera", "warning")
    elif not os.access(device, os.R_OK | os.W_OK):
        message = (
            f"no permission for {device}. Add this user to its group: sudo usermod -aG video $USER"
        )
        yield Finding(_KEY, message, "warning")


def _watched_folder(folder: Path) -> Iterator[Finding]:
    if folder.exists() and not folder.is_dir():
        yield Finding(_KEY, f"{folder} is a file. source.folder.watch needs a folder")
    elif not folder.exists():
        yield Finding(_KEY, f"there is no folder {folder}. Make it, or mount it", "warning")
    elif not os.access(folder, os.R_OK | os.X_OK):
        message = f"the folder {folder} may not be read by this user. Allow it"
        yield Finding(_KEY, message, "warning")
