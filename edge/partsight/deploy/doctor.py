"""What this machine has and lacks for running partsight, with the command that mends it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from partsight.errors import PartsightError
from partsight.utils.imports import is_installed

__all__ = ["Finding", "examine"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        ok: whether it is there and works.
        required: whether nothing is judged without it.
        detail: what was found, or what is wrong and how to mend it.
    """

    name: str
    ok: bool
    required: bool
    detail: str

    def row(self) -> dict[str, bool | str]:
        """The finding less its name, for JSON."""
        return {"ok": self.ok, "required": self.required, "detail": self.detail}


def examine(runtime: str | None = None) -> list[Finding]:
    """Check everything; a failed check does not stop the others.

    Args:
        runtime: name of the runtime to check, or None for the preferred one.
    """
    return [
        _finding("python", _python),
        _finding("opencv", _opencv),
        _finding("runtime", lambda: _runtime(runtime)),
        _finding("camera", _camera, required=False),
        _finding("training", _training, required=False),
    ]


def _finding(name: str, look: Callable[[], str], *, required: bool = True) -> Finding:
    try:
        return Finding(name, True, required, look())
    except (PartsightError, ImportError, AttributeError, OSError) as error:
        # AttributeError: of a half removed package Python still imports the empty folder.
        return Finding(name, False, required, " ".join(str(error).split()))


def _python() -> str:
    return f"{platform.python_version()} on {sys.platform} {platform.machine()}"


def _opencv() -> str:
    from partsight.utils.opencv import cv2

    return f"OpenCV {cv2.__version__}"


def _runtime(name: str | None) -> str:
    from partsight.inference.interpreter import load_runtime
    from partsight.inference.runtimes import choose_runtime, speed_advice

    runtime = choose_runtime(name)
    load_runtime(runtime)
    advice = speed_advice(runtime)
    return f"{runtime.distribution} {runtime.version}" + (f"; {advice}" if advice else "")


def _camera() -> str:
    devices = sorted(Path("/dev").glob("video*"))
    readable = [device for device in devices if os.access(device, os.R_OK | os.W_OK)]
    if readable:
        return ", ".join(map(str, readable))
    if devices:
        raise PartsightError(
            f"no permission for {devices[0]}; add this user to its group: "
            "sudo usermod -aG video $USER, then log in again"
        )
    raise PartsightError("no /dev/video*; a stream, a video file or a folder can be a source")


def _training() -> str:
    if not is_installed("tensorflow"):
        raise PartsightError(
            "TensorFlow is not installed; to train: pip install 'partsight[train]'"
        )
    return "TensorFlow is installed"
