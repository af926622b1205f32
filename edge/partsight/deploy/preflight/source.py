"""Checks that the source exists and can be opened.

Cameras and streams are not opened: another program may use the camera, and one that is missing
now is a state of the line, which it recovers from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from partsight.config.source import SourceConfig
from partsight.config.source_address import Kind, classify_address
from partsight.deploy.preflight.findings import Finding
from partsight.errors import PartsightError
from partsight.image.spec import PreprocessSpec
from partsight.sources.opening import open_source

__all__ = ["check_source"]

_KEY = "source.address"
# Of any size, since nothing is inspected.
_ANY_SPEC = PreprocessSpec(224, 224)


def check_source(config: SourceConfig) -> Iterator[Finding]:
    """Check the address of ``[source]``; it may be missing, as ``watch --source`` can give one."""
    if config.address is None:
        return
    found = classify_address(config.address)
    watched = config.folder.watch and not found.is_live
    if watched and found.kind is Kind.MISSING:
        message = f"there is no folder {found.target} yet. The line waits for it"
        yield Finding(_KEY, message, "warning")
    elif found.reason:
        yield Finding(_KEY, found.reason.rstrip("."))
    elif found.kind is Kind.CAMERA:
        device = f"/dev/video{found.target}" if found.target.isdecimal() else found.target
        yield from _camera(Path(device))
    elif watched:
        yield from _watched_folder(Path(found.target))
    elif not found.is_live:
        try:
            with open_source(config.address, _ANY_SPEC):
                pass
        except PartsightError as error:
            yield Finding(_KEY, str(error))


def _camera(device: Path) -> Iterator[Finding]:
    if os.name != "posix":  # device files are POSIX's
        return
    if not device.exists():
        yield Finding(_KEY, f"there is no {device}. Connect the camera", "warning")
    elif not os.access(device, os.R_OK | os.W_OK):
        message = (
            f"no permission for {device}. Add this user to its group: sudo usermod -aG video $USER"
        )
        yield Finding(_KEY, message, "warning")


def _watched_folder(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding(_KEY, f"{folder} is a file, which cannot be watched. Give its folder")
    elif not os.access(folder, os.R_OK | os.X_OK):
        message = f"the folder {folder} may not be read by this user. Give this user read access"
        yield Finding(_KEY, message, "warning")
