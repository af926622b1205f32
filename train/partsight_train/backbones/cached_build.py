"""SavedModel folders in the cache, created on first use."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = ["MODULE_FILE", "build_once", "is_saved_model"]

# Every SavedModel has this file, of TensorFlow 1 or 2.
MODULE_FILE = "saved_model.pb"


def is_saved_model(folder: Path) -> bool:
    """Whether a folder is a SavedModel."""
    return (folder / MODULE_FILE).is_file()


def build_once(folder: Path, build: Callable[[Path], Path]) -> Path:
    """Return a SavedModel folder; create it first if it is missing.

    It appears complete or not at all, even if two runs create it at the same time.

    Args:
        folder: the folder; its name depends on everything that determines the content.
        build: gets a temporary path, and returns the SavedModel, which is there or below.

    Raises:
        OSError: the folder cannot be written.
    """
    if is_saved_model(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as temporary:
        built = build(Path(temporary) / "module")
        try:
            built.rename(folder)
        except OSError:
            if not is_saved_model(folder):  # otherwise another run has created it
                raise
    return folder
