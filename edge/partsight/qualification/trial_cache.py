"""Cache of the examinations that models have passed here, for ``trial`` and ``golden``.

Each pass is an empty file, named by the digest of the model, the runtime, the library that scales
images and the processor.
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
    """Whether a model has passed an examination here under this runtime.

    Args:
        examination: name of the examination.
        sha256: digest of the whole model file.
        runtime: runtime that ran the model.
    """
    return _mark(examination, sha256, runtime).exists()


def remember(examination: str, sha256: str, runtime: Runtime) -> None:
    """Remember that a model has passed; see ``has_passed``."""
    mark = _mark(examination, sha256, runtime)
    with contextlib.suppress(OSError):  # a read-only device repeats the examination at each start
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _mark(examination: str, sha256: str, runtime: Runtime) -> Path:
    # The processor is part of the name, as machines may share a home folder.
    ran = f"{runtime.name}-{runtime.version}-opencv-{cv2.__version__}-{platform.machine()}"
    return Path(_cache_folder(), examination, f"{sha256}-{ran}")


def _cache_folder() -> Path:
    if named := os.environ.get("PARTSIGHT_CACHE_DIR"):
        return Path(named)
    # Looked up last: a dynamic user of systemd may have no home folder.
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser(os.path.join("~", ".cache"))
    return Path(home, "partsight")
