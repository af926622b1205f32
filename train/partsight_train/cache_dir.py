"""Where downloads, wrapped backbones and features are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["cache_dir"]


def cache_dir() -> Path:
    """``PARTSIGHT_CACHE_DIR`` where it is set, else the user's cache folder."""
    chosen = os.environ.get("PARTSIGHT_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("partsight")
