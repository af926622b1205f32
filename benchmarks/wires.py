"""What the wires of the line cost: presence a frame, and sinks a verdict, on loopback.

    pip install -c constraints.txt '.[test]'
    apt-get install mosquitto
    python benchmarks/wires.py

Presence looks at 1080p frames of noise, on one thread. Sinks hand verdicts to real servers on
this machine: one at a time, as a line does, and 100 at a time, as after an outage.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from partsight.config.network_sinks import ModbusSinkConfig, MqttSinkConfig, WebhookSinkConfig
from partsight.records import PartResult, Prediction, TriggerEvent, Verdict
from partsight.sinks.base import LineSink
from partsight.sinks.open import open_line_sink
from partsight.triggers.background import Background, small_grey
from partsight.utils.opencv import cv2

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.servers.modbus import run_plc
from tests.servers.mosquitto import run_mosquitto
from tests.servers.web import run_web_server

FRAMES = 500
VERDICTS = 300
BATCHES = 50
BATCH = 100


def presence_ms() -> list[float]:
    """Milliseconds that each of some 1080p frames took."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (1080, 1920, 3), np.uint8) for _ in range(4)]
    background = Background(16)
    times = []
    for index in range(FRAMES):
        started = time.perf_counter()
        background.look(small_grey(frames[index % 4], (0.0, 0.0, 1.0, 1.0)))
        times.append((time.perf_counter() - started) * 1e3)
    return times


def verdict(seq: int) -> dict[str, Any]:
    """A row as the journal gives it."""
    now = datetime.now(timezone.utc)
    prediction = Prediction({"defected": 0.1, "healthy": 0.9})
    trigger_event = TriggerEvent("mqtt", 0.0, f"P{seq}")
    result = PartResult(
        f"id-{seq}",
        now,
        "camera",
        seq,
        "f" * 64,
        Verdict.ACCEPT,
        5.0,
        "accept",
        prediction,
        trigger_event=trigger_event,
    )
    return {"seq": seq, **result.row()}


@contextlib.contextmanager
def sinks() -> Iterator[dict[str, LineSink]]:
    """Each sink, connected to a server of its own."""
    os.environ["HOOK_SECRET"] = "secret"
    host: dict[str, Any] = {"host": "127.0.0.1"}
    with (
        tempfile.TemporaryDirectory() as folder,
        run_mosquitto(Path(folder)) as broker,
        run_web_server() as web,
        run_plc() as plc,
        contextlib.ExitStack() as stack,
    ):
        configs = (
            MqttSinkConfig(kind="mqtt", port=broker.port, **host),
            WebhookSinkConfig(kind="webhook", url=web.url, secret_env="HOOK_SECRET"),
            ModbusSinkConfig(kind="modbus", port=plc.port, hold_s=0.0, **host),
        )
        yield {each.kind: stack.enter_context(open_line_sink(each)) for each in configs}


def main() -> None:
    """Print a row for presence and for each sink."""
    times = presence_ms()
    print("| what | median, ms | p99, ms | verdicts/s, 100 at a time |")
    print("| --- | --- | --- | --- |")
    print(f"| presence, 1920 x 1080 | {_told(times)} | |")
    with sinks() as opened:
        for name, sink in opened.items():
            sink.deliver([verdict(0)])
            singles = [_seconds(sink, [verdict(seq)]) * 1e3 for seq in range(1, VERDICTS)]
            batch = [verdict(10_000 + seq) for seq in range(BATCH)]
            whole = sum(_seconds(sink, batch) for _ in range(BATCHES))
            print(f"| {name} | {_told(singles)} | {BATCHES * BATCH / whole:,.0f} |")


def _seconds(sink: LineSink, rows: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    sink.deliver(rows)
    return time.perf_counter() - started


def _told(times_ms: list[float]) -> str:
    return f"{statistics.median(times_ms):.2f} | {np.percentile(times_ms, 99):.2f}"


if __name__ == "__main__":
    main()
