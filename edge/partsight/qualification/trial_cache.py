"""What a model has passed on this machine, remembered so that it is not asked for again.

A file that is there, by the model's digest, the runtime and the libraries that scale its
pictures; called by ``trial`` and ``golden``.
"""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

from partsight.inference.runtimes import Runtime
from partsight.utils.opencv import cv2

__all__ = ["has_passed", "remember"]


def has_passed(examination: str, sha256: str, runtime: Runtime) -> bool:
    """Whether a model has passed an examination here, under this very runtime.

    Args:
        examination: its name.
        sha256: of the whole model file.
        runtime: that ran it.
    """
    return _mark(examination, sha256, runtime).exists()


def remember(examination: str, sha256: str, runtime: Runtime) -> None:
    """Remember that it has; see ``has_passed``."""
    mark = _mark(examination, sha256, runtime)
    with contextlib.suppress(OSError):  # a read-only device asks again at each start
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _mark(examination: str, sha256: str, runtime: Runtime) -> Path:
    # The processor is part of it where machines share a home.
    ran = f"{runtime.name}-{runtime.version}-opencv-{cv2.__version__}-{platform.machine()}"
    return Path(_cache_folder(), examination, f"{sha256}-{ran}")


def _cache_folder() -> Path:
    if named := os.environ.get("PARTSIGHT_CACHE_DIR"):
        return Path(named)
    # Asked last: an account that systemd made up may have no home.
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser(os.path.join("~", ".cache"))
    return Path(home, "partsight")
