"""Whether the picture store keeps up: rejects of 1920 x 1080 at 20 a second, on this disk.

    python benchmarks/pictures.py FOLDER

FOLDER is made on the disk to be measured, and removed. Prints how many pictures were kept, how
long the thread took a picture, and the longest that the loop waited for plan and keep.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np

from partsight.config.pictures import PicturesConfig
from partsight.image.spec import PreprocessSpec
from partsight.image_store import ImageStore
from partsight.records import Frame, PartResult, Prediction, Verdict
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.ids import uuid7

SECONDS = 15
SPEC = PreprocessSpec(224, 224)


def frame_bgr() -> np.ndarray:
    """Detail at every scale, and a camera's noise."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (34, 60, 3), np.uint8)
    picture = cv2.resize(coarse, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def run(folder: Path, config: PicturesConfig, rate: float) -> str:
    """Give rejects at a rate for some seconds; the outcome as a row."""
    telemetry, lost, waits = Telemetry(), [], []
    image = frame_bgr()
    heat = np.random.default_rng(1).random((7, 7), np.float32)
    prediction = Prediction({"defected": 0.9, "healthy": 0.1}, heatmap=heat)
    store = ImageStore(folder, config, telemetry, lambda path, reason: lost.append(path))
    busy_before, started = time.process_time(), time.monotonic()
    pause = threading.Event()
    with store:
        for number in range(int(SECONDS * rate)):
            pause.wait(max(0.0, started + number / rate - time.monotonic()))
            now = datetime.now(timezone.utc)
            part_id = uuid7(int(now.timestamp() * 1000))
            reject = PartResult(
                part_id, now, "0", number, "f" * 64, Verdict.REJECT, 1.0, "reject", prediction
            )
            frame = Frame(image, now, "0", number)
            before = time.perf_counter()
            store.keep(store.plan(part_id, Verdict.REJECT, now), frame, reject, SPEC)
            waits.append(time.perf_counter() - before)
    values = telemetry.values()
    dropped = sum(count for (name, _), count in values.items() if name == "pictures_lost")
    busy_ms = 1000 * (time.process_time() - busy_before) / len(waits)
    return (
        f"{rate:5.0f}/s  kept {values['pictures_kept', '']:5.0f}  lost {dropped:4.0f}  "
        f"CPU {busy_ms:5.1f} ms a picture  the loop waited {1e6 * statistics.median(waits):4.0f} us"
        f" in the middle, {1000 * max(waits):5.2f} ms at most"
    )


def main(folder: Path) -> None:
    """Print one row per setting and rate."""
    settings = {
        "jpg": PicturesConfig(annotate=False),
        "jpg, annotated": PicturesConfig(),
        "png, annotated": PicturesConfig(format="png"),
    }
    for name, config in settings.items():
        for rate in (20.0, 40.0):
            print(f"{name:16}", run(folder, config, rate), flush=True)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
