"""What a line writes is for its owner and group only, whatever the umask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

CONFIG = """
[journal]
path = "out/journal.db"
keep_days = 30
[pictures]
folder = "out/pictures"
keep_accepts = 1.0
[[sinks]]
kind = "csv"
path = "out/results/verdicts.csv"
"""


def test_no_file_or_folder_of_a_line_is_open_to_others(tmp_path: Path, model_path: Path) -> None:
    (tmp_path / "images").mkdir()
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    assert cv2.imwrite(str(tmp_path / "images" / "a.png"), image)
    (tmp_path / "partsight.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "partsight", "watch", str(model_path), "--source", "images"]
    subprocess.run(
        [*command, "--config", "partsight.toml"],
        cwd=tmp_path,
        check=True,
        timeout=60,
        umask=0,
        env={**os.environ, "PARTSIGHT_CACHE_DIR": str(tmp_path / "cache")},
    )

    modes = {
        path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777
        for path in (tmp_path / "out", *(tmp_path / "out").rglob("*"))
    }
    assert any(name.endswith(".jpg") for name in modes), modes
    open_to_others = {
        name: oct(mode)
        for name, mode in modes.items()
        if mode & ~(0o750 if (tmp_path / name).is_dir() else 0o640)
    }
    assert open_to_others == {}
