"""What a live source costs: looking at a frame, and having another process read it.

    pip install -c constraints.txt .
    python benchmarks/sources.py

Frames of 1920 x 1080. A video of motion JPEG is read once by OpenCV in this process and once by
``CaptureChild``, which does so in its own; the times are medians, the memory is the child's.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from partsight.config.source import ConditionsConfig
from partsight.errors import SourceError
from partsight.sources.capture_child import CaptureChild
from partsight.sources.image_quality import measure, problem, repeats
from partsight.utils.opencv import cv2

FRAMES = 200
FPS = 30
# A camera gives a frame when it has one; a file would give them as fast as they are taken.
PACED = f"""
import time
from partsight.sources import capture_process

class Paced:
    def __init__(self, address, threads):
        self.capture = capture_process.open_capture(address, threads)
    def grab(self):
        time.sleep(1 / {FPS})
        return self.capture.grab()
    def __getattr__(self, name):
        return getattr(self.capture, name)

capture_process.main(Paced)
"""


def main() -> None:
    """Print it all."""
    rng = np.random.default_rng(0)
    pictures = [
        cv2.resize(rng.integers(0, 256, (135, 240, 3), np.uint8), (1920, 1080)) for _ in range(8)
    ]
    print("milliseconds a frame")
    for name, sharpness, same in (
        ("conditions", False, False),
        ("conditions with blur", True, False),
        ("conditions with blur, frozen", True, True),
    ):
        print(f"  {name:32} {looking(pictures, sharpness, same):.3f}")
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder, "line.avi")
        writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (1920, 1080))
        for number in range(FRAMES):
            writer.write(pictures[number % len(pictures)])
        writer.release()
        print(f"  {'retrieve in this process':32} {here(video):.3f}")
        added_ms, cpu_ms, memory = there(video)
        print(f"  {'grabbed there, in hand here':32} {added_ms:.3f}")
        print(f"  {'of which this process computes':32} {cpu_ms:.3f}")
    print("MiB of the child:", ", ".join(f"{name} {mib:.0f}" for name, mib in memory.items()))


def looking(pictures: list[Any], sharpness: bool, same: bool) -> float:
    """What the capture thread does with every frame."""
    limits = ConditionsConfig(blurred_below=1.0 if sharpness else None)
    repeated = None
    taken = []
    for number in range(FRAMES):
        picture = pictures[0 if same else number % len(pictures)]
        started = time.perf_counter()
        repeated = repeats(repeated, picture, number / FPS)
        problem(measure(picture, sharpness=sharpness), repeated, number / FPS, limits)
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


def here(video: Path) -> float:
    """From a grabbed frame to one in hand, by OpenCV alone."""
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    taken = []
    while capture.grab():
        started = time.perf_counter()
        capture.retrieve()
        taken.append(time.perf_counter() - started)
        time.sleep(1 / FPS)
    return 1000 * statistics.median(taken)


def there(video: Path) -> tuple[float, float, dict[str, float]]:
    """Capture in a child process: latency, processor time of this process, memory."""
    latencies, computed, memory = [], [], {}
    with CaptureChild(f"file://{video}", None, (sys.executable, "-c", PACED)) as child:
        try:
            while True:
                before = time.thread_time()
                shot = child.read(5)
                if shot is not None:
                    latencies.append(time.monotonic() - shot.monotonic_s)
                    computed.append(time.thread_time() - before)
                    memory = memory_of(child.pid)
        except SourceError:  # the end of the video
            pass
    return 1000 * statistics.median(latencies), 1000 * statistics.median(computed), memory


def memory_of(pid: int) -> dict[str, float]:
    """MiB: the peak; now private, in shared files, and in shared frames."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    wanted: dict[str, Callable[[str], float]] = {
        name: lambda text: int(text.split()[0]) / 1024
        for name in ("VmHWM", "RssAnon", "RssFile", "RssShmem")
    }
    return {
        name: wanted[name](value)
        for name, _, value in (line.partition(":") for line in lines)
        if name in wanted
    }


if __name__ == "__main__":
    main()
