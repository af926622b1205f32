"""Checks of the environment variables and files that settings name.

Keys are recognized by their names, so that new sections are covered: ``..._env`` is an
environment variable, ``..._file`` and ``..._key`` are files to read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from partsight.config.document import Config
from partsight.config.redaction import shown
from partsight.config.settings import Setting, settings_of
from partsight.deploy.preflight.findings import Finding, Level

__all__ = ["check_paths", "check_setting", "is_read"]

_READ = ("_file", "_key", "_cert", "certificate", ".challenge", "shadow.model")
_CONNECTED_LATER = "trigger.device"  # a barcode reader is waited for


def check_paths(
    config: Config, environ: Mapping[str, str], *, starting: bool = False
) -> Iterator[Finding]:
    """Check that variables are set, that files to read are readable and others writable."""
    for setting in settings_of(config):
        yield from check_setting(setting, environ, starting=starting)


def check_setting(
    setting: Setting, environ: Mapping[str, str], *, starting: bool = False
) -> Iterator[Finding]:
    """Check one setting; see ``check_paths``."""
    level: Level = "warning" if setting.name == _CONNECTED_LATER else "error"
    if setting.value is None:
        return
    if setting.name.endswith("_env"):
        if not environ.get(str(setting.value)):
            variable = shown(setting.name, setting.value)
            message = (
                f"the environment variable {variable} is not set here. Set it where the line is "
                "started"
            )
            yield Finding(setting.name, message, level if starting else "warning")
    elif isinstance(setting.value, Path):
        check = _to_read if is_read(setting) else _to_write
        for problem in check(setting.value):
            yield Finding(setting.name, problem, level)


def is_read(setting: Setting) -> bool:
    """Return whether a path is read; the line writes to all others."""
    return setting.name.endswith((*_READ, _CONNECTED_LATER))


def _to_read(path: Path) -> Iterator[str]:
    if not path.exists():
        yield f"there is no {path}. Put it there, or correct the path"
    elif not os.access(path, os.R_OK):
        yield f"{path} may not be read by this user. Give this user read access"


def _to_write(path: Path) -> Iterator[str]:
    nearest = next((each for each in (path, *path.parents) if each.exists()), None)
    if nearest is None:
        return
    if nearest != path and not nearest.is_dir():
        yield f"{nearest} is a file, and no folder can be made below it. Correct the path"
    elif _holds_no_files(nearest):
        yield f"no file can be made in {nearest}, which belongs to the kernel. Choose another path"
    elif not os.access(nearest, os.W_OK):
        yield (
            f"{nearest} may not be written to by this user. Give this user write access, or choose "
            "another path"
        )


def _holds_no_files(folder: Path) -> bool:
    """Whether a folder belongs to a file system such as /proc or /sys, which has no blocks."""
    return hasattr(os, "statvfs") and os.statvfs(folder).f_blocks == 0
