"""Folder that keeps downloads, wrapped backbones and features between runs."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["cache_dir"]


def cache_dir(chosen: Path | None = None) -> Path:
    """Return the chosen folder, else ``PARTSIGHT_CACHE_DIR``, else the user's cache folder."""
    named = chosen or os.environ.get("PARTSIGHT_CACHE_DIR")
    return Path(named) if named else platformdirs.user_cache_path("partsight")
