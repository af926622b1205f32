"""A SavedModel folder in the cache that is made on first use: whole, or not there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from partsight.utils.native_output import held_stderr
from partsight_train.cache_dir import cache_dir

__all__ = ["made_once"]


def made_once(name: str, make: Callable[[Path], None], cache: Path | None = None) -> Path:
    """The folder of a name among the cached backbones.

    Args:
        name: says all that its content depends on.
        make: writes the SavedModel into a folder; called where the cache lacks it.
        cache: folder of the cache; None for the default, see ``cache_dir``.
    """
    folder = cache_dir(cache) / "backbones" / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made aside and renamed: two first runs at once must not read each other's halves.
    aside = Path(tempfile.mkdtemp(prefix=f".{name[:40]}.", dir=folder.parent))
    try:
        with held_stderr():
            make(aside / "saved_model")
        try:
            (aside / "saved_model").rename(folder)
        except OSError:
            if not folder.is_dir():  # else another run was first, with the same content
                raise
    finally:
        shutil.rmtree(aside)
    return folder
