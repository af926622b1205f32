"""What the line costs: from a frame to a decision, its start, its memory, and a million frames.

    pip install -c constraints.txt '.[litert]'
    python benchmarks/line.py models/sample-parts-int8.tflite [latency] [start] [memory] [endless]

latency: 1920 x 1080 frames in memory to a decision, against the bare ``invoke`` of the same
    interpreter, in turns; the ratio is of medians.
start: from the start of 'partsight watch' to its first JSON line, the median of 7.
memory: the most that 'partsight watch' and its children held while it judged a video.
endless: 1,000,000 small scripted frames through the loop, its journal and drift watch, with a
    model that is played.
"""

from __future__ import annotations

import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

ROUNDS = 400
STARTS = 7
VIDEO_FRAMES = 150
SCRIPTED = int(os.environ.get("PARTSIGHT_BENCH_FRAMES", "1000000"))
SETTLED = 10_000
# Two interpreters would have threads that spin for each other's cores: both are this one.
os.environ["PARTSIGHT_RUNTIME"] = "litert"


def noise_bgr(count: int) -> list[np.ndarray]:
    """Frames of 1920 x 1080, several, so that none waits in the processor's cache."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (1080, 1920, 3), np.uint8) for _ in range(count)]


def latency(model: str) -> None:
    """Print the ratio for one and two threads, and that of all that the loop asks of a judge."""
    from partsight.api import Classifier
    from partsight.line.inspector import Inspector
    from partsight.records import Frame, TriggerEvent

    frames = [Frame(image, datetime.now(timezone.utc), "0", 0) for image in noise_bgr(6)]
    for threads in (1, 2):
        classifier = Classifier.load(model, threads=threads)
        inspector, native = Inspector(classifier), classifier.interpreter._native
        trigger_event = TriggerEvent("frame", time.monotonic())
        ways = {
            "bare invoke": lambda frame, native=native: native.invoke(),
            "frame to decision": lambda frame, classifier=classifier: classifier.decide(
                classifier.classify([frame.image_bgr])[0]
            ),
            "judge": lambda frame, inspector=inspector, trigger_event=trigger_event: inspector(
                trigger_event, frame
            ),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(ROUNDS + 20):
            for name in sorted(ways, reverse=bool(number % 2)):
                started = time.perf_counter()
                ways[name](frames[number % len(frames)])
                seconds[name].append(time.perf_counter() - started)
        deciles = {name: statistics.quantiles(each[20:], n=10) for name, each in seconds.items()}
        for name, (low, *_, median, _, _, _, _) in deciles.items():
            base_low, base = deciles["bare invoke"][0], deciles["bare invoke"][4]
            print(
                f"{threads} threads  {name:20} {1000 * median:6.2f} ms  x{median / base:.2f}   "
                f"fastest tenth {1000 * low:6.2f} ms  x{low / base_low:.2f}"
            )
    print(f"wanted: frame to decision at most x1.30; load of this machine {os.getloadavg()[0]:.1f}")


def start(model: str) -> None:
    """Print the median time to the first line, and which imports it is made of."""
    import cv2

    with tempfile.TemporaryDirectory() as folder:
        coarse = cv2.resize(noise_bgr(1)[0], (60, 34), interpolation=cv2.INTER_AREA)
        cv2.imwrite(f"{folder}/frame.jpg", cv2.resize(coarse, (1920, 1080)))
        first_line(model, folder)  # this machine tries the model once
        seconds = [first_line(model, folder) for _ in range(STARTS)]
        listed = ", ".join(f"{each:.2f}" for each in sorted(seconds))
        print(f"first line after {statistics.median(seconds):.2f} s ({listed}); wanted: 0.7 s")
        bare = [first_line(model, folder, "-c", "print(1)") for _ in range(STARTS)]
        print(f"python that only prints: {statistics.median(bare):.2f} s")
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *watch(model, folder)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    print("imports that take most, ms, with what they import:")
    rows = [line.split("|") for line in done.stderr.splitlines() if line.startswith("import time")]
    costs = [(int(row[1]) / 1000, row[2].rstrip()) for row in rows[1:]]
    for milliseconds, name in sorted(costs, reverse=True)[:25]:
        print(f"{milliseconds:8.1f} {name}")


def watch(model: str, source: str) -> list[str]:
    """What follows the interpreter on a command line that watches."""
    return ["-m", "partsight", "watch", model, "--source", source]


def first_line(model: str, source: str, *instead: str) -> float:
    """Seconds to the first line on stdout."""
    command = [sys.executable, *(instead or watch(model, source))]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        taken = time.perf_counter() - started
        process.stdout.read()
    if not line:
        raise SystemExit(f"{' '.join(command)} gave no line: run it by hand")
    return taken


def memory(model: str) -> None:
    """Print the peak of each process of 'partsight watch' on a video of 1920 x 1080."""
    import cv2

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/line.avi"
        writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 25, (1920, 1080))
        for number in range(VIDEO_FRAMES):
            writer.write(np.full((1080, 1920, 3), number, np.uint8))
        writer.release()
        command = [sys.executable, *watch(model, path)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peaks: dict[int, tuple[float, str]] = {}
        while process.poll() is None:
            for pid in [process.pid, *children(process.pid)]:
                if found := peak(pid):
                    peaks[pid] = found
            time.sleep(0.005)
    for pid, (mb, name) in peaks.items():
        kind = "watch" if pid == process.pid else "child"
        print(f"{kind}: {mb:.0f} MB at most ({name})")
    print(f"all together at most {sum(mb for mb, _ in peaks.values()):.0f} MB; wanted: 150 MB")


def children(pid: int) -> list[int]:
    """The processes that a process started and that run."""
    try:
        own = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [each for child in map(int, own) for each in (child, *children(child))]


def peak(pid: int) -> tuple[float, str] | None:
    """VmHWM in MB, and the command's tail."""
    try:
        fields = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        name = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return None
    return (int(fields["VmHWM"].split()[0]) / 1000, name[-40:]) if "VmHWM" in fields else None


def endless(model: str) -> None:
    """Print what the process holds after the first frames, and after all of them."""
    held: list[tuple[float, int, int]] = []
    started = time.perf_counter()
    logging.disable()  # frames that are all alike, then others, are alarms to the drift watch
    at = (SETTLED, SCRIPTED - 1)
    run_line(scripted(SCRIPTED, at=at, note=lambda: held.append(holdings())))
    taken = time.perf_counter() - started
    for frames, (mb, descriptors, threads) in zip((SETTLED, SCRIPTED), held, strict=True):
        print(
            f"after {frames:9,} frames: {mb:7.2f} MB resident, {descriptors} descriptors, "
            f"{threads} threads"
        )
    print(f"grown by {held[1][0] - held[0][0]:.2f} MB in {taken:.0f} s; wanted: within 5 MB")


def scripted(count: int, at: tuple[int, ...], note: Any) -> Iterator[Any]:
    """Small frames, each another array, as from a camera; takes note at some of them."""
    from partsight.records import Frame

    for number in range(count):
        if number in at:
            note()
        image = np.full((224, 224, 3), number % 256, np.uint8)
        yield Frame(image, datetime.now(timezone.utc), "script", number)


def run_line(frames: Iterator[Any]) -> None:
    """Have the loop judge scripted frames to their end, with its journal and drift watch.

    All that knows the loop's shape. The journal lies in memory where there is such a disk: what
    is measured is what stays, not how fast a disk is.
    """
    from partsight.api import Classifier
    from partsight.config.drift import DriftConfig
    from partsight.decision.operating_point import OperatingPoint
    from partsight.drift import DriftObserver
    from partsight.image.spec import PreprocessSpec
    from partsight.journal import Journal
    from partsight.line.inspector import Inspector
    from partsight.line.loop import watch
    from partsight.line.recorder import Recorder
    from partsight.model.contract import Contract
    from partsight.model.file import ModelFile
    from partsight.records import TriggerEvent
    from partsight.telemetry.telemetry import Telemetry

    contract = Contract(("bad", "good"), PreprocessSpec(224, 224), OperatingPoint(("good",)))
    inspector = Inspector(Classifier(ModelFile(b"", "f" * 64, contract), played_interpreter()))
    trigger_events = ((TriggerEvent("frame", time.monotonic()), frame) for frame in frames)
    memory_disk = "/dev/shm" if Path("/dev/shm").is_dir() else None
    telemetry = Telemetry()
    with (
        tempfile.TemporaryDirectory(dir=memory_disk) as folder,
        Journal(Path(folder, "journal.db"), telemetry) as journal,
    ):
        drift = DriftObserver(inspector, DriftConfig(), telemetry)
        watch(trigger_events, inspector, Recorder(telemetry, journal=journal, observers=[drift]))


def played_interpreter() -> Any:
    """A model that says what the top left pixel says."""
    from partsight.inference.interpreter import TensorInfo

    class Played:
        input = TensorInfo((1, 224, 224, 3), np.dtype(np.uint8), 1 / 255, 0)
        output = TensorInfo((1, 2), np.dtype(np.uint8), 1 / 256, 0)
        heatmap = None

        def invoke(self, tensor: np.ndarray) -> np.ndarray:
            red = tensor[0, 0, 0, 0]
            return np.array([[255 - red, red]], np.uint8)

        def read_heatmap(self) -> None:
            return None

    return Played()


def holdings() -> tuple[float, int, int]:
    """Resident MB, open descriptors and threads of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return resident, len(os.listdir("/proc/self/fd")), threading.active_count()


def main(model: str, *parts: str) -> None:
    """Run some of the measurements, each in a process of its own."""
    every = {"latency": latency, "start": start, "memory": memory, "endless": endless}
    if len(parts) == 1:
        every[parts[0]](model)
        return
    for part in parts or every:
        print(f"-- {part}", flush=True)
        subprocess.run([sys.executable, __file__, model, part], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
