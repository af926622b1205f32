"""What ``--tiles`` is worth where the defect is small in the frame.

    pip install -c constraints.txt '.[train]'
    python benchmarks/tiles.py PICTURES

PICTURES has the sub-folders ``defected`` and ``healthy``. Frames are made of them, ROWS x
COLUMNS photographs each: of a bad part one is defected, of a good one none. No photograph is
used twice. The same recipe is measured in five folds on whole frames and on tiles.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROWS, COLUMNS, SIDE = 2, 2, 224


def write_frames(pictures: Path, folder: Path) -> None:
    """As many bad frames as good ones, until the healthy photographs are used up."""
    generator = random.Random(0)
    healthy, defected = (sorted((pictures / label).iterdir()) for label in ("healthy", "defected"))
    generator.shuffle(healthy)
    generator.shuffle(defected)
    count = ROWS * COLUMNS
    left = iter(healthy)
    for number, bad in enumerate(defected[: len(healthy) // (2 * count - 1)]):
        shown = [bad, *itertools.islice(left, count - 1)]
        generator.shuffle(shown)
        write(shown, folder / "defected" / f"{number:03d}.png")
        write(list(itertools.islice(left, count)), folder / "healthy" / f"{number:03d}.png")


def write(photographs: list[Path], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [
        np.asarray(Image.open(photograph).convert("L").resize((SIDE, SIDE)))
        for photograph in photographs
    ]
    bands = [np.hstack(parts[row * COLUMNS :][:COLUMNS]) for row in range(ROWS)]
    Image.fromarray(np.vstack(bands)).save(path)


def measure(folder: Path, run: Path, *options: str) -> str:
    partsight = Path(sys.executable).with_name("partsight")
    command = [str(partsight), "train", str(folder), "-o", str(run), "--cross-validate", "5"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    figures = json.loads((run / "metrics.json").read_text())["cross_validation"]
    return "accuracy {accuracy:.3f}, AUC {auc:.3f}, false rejects {rejects:.3f}".format(
        **figures, rejects=figures["false_rejects_at_target_recall"]
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "frames")
        write_frames(Path(sys.argv[1]), folder)
        print(len(list(folder.rglob("*.png"))), "frames")
        side = str(ROWS * SIDE)
        ways = {
            "whole": (),
            f"whole, --image-size {side}": ("--image-size", side),
            f"--tiles {ROWS}x{COLUMNS}": ("--tiles", f"{ROWS}x{COLUMNS}"),
        }
        for number, (name, options) in enumerate(ways.items()):
            print(name, measure(folder, Path(temporary, f"run{number}"), *options), flush=True)


if __name__ == "__main__":
    main()
