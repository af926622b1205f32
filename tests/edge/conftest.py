"""Fakes and material for the tests of the device package; nothing here needs a device."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from partsight.api import Classifier
from partsight.decision.operating_point import OperatingPoint
from partsight.image.spec import PreprocessSpec
from partsight.inference.interpreter import TensorInfo
from partsight.inference.runtimes import Runtime
from partsight.model.contract import Contract
from partsight.model.file import ModelFile
from partsight.records import Frame, PartResult, Prediction, Thresholds, TriggerEvent, Verdict

Completed = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where it is remembered which models passed their trial."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


class FakeInterpreter:
    """Says that a picture is as healthy as its top left pixel is red."""

    runtime = Runtime("litert", "ai-edge-litert", "ai_edge_litert.interpreter")
    input = TensorInfo((1, 2, 4, 3), np.dtype(np.uint8), 1 / 255, 0)
    output = TensorInfo((1, 2), np.dtype(np.uint8), 1 / 256, 0)
    heatmap: TensorInfo | None = None

    def __init__(self) -> None:
        self.fed: list[np.ndarray] = []

    def invoke(self, tensor: np.ndarray) -> np.ndarray:
        self.fed.append(tensor)
        red = tensor[0, 0, 0, 0]
        return np.array([[255 - red, red]], np.uint8)

    def clone(self) -> FakeInterpreter:
        return FakeInterpreter()

    def read_heatmap(self) -> np.ndarray | None:
        return None


@pytest.fixture
def contract() -> Contract:
    point = OperatingPoint(("healthy",), accept_above=0.75, reject_below=0.5)
    return Contract(("defected", "healthy"), PreprocessSpec(2, 4), point)


@pytest.fixture
def fake_interpreter() -> FakeInterpreter:
    return FakeInterpreter()


@pytest.fixture
def classifier(contract: Contract, fake_interpreter: FakeInterpreter) -> Classifier:
    """A classifier of 2 x 4 pictures whose score is the red of the top left pixel."""
    return Classifier(ModelFile(b"", "f" * 64, contract), fake_interpreter)


@pytest.fixture
def make_frame() -> Callable[..., Frame]:
    """A frame of a given red, in BGR order, with contrast in blue."""

    def make(red: int, index: int = 0) -> Frame:
        image_bgr = np.zeros((2, 4, 3), np.uint8)
        image_bgr[:, ::2, 0] = 255
        image_bgr[:, :, 2] = red
        when = datetime(2024, 5, 6, 7, 8, 9, 123000, timezone.utc)
        return Frame(image_bgr, when, "script", index)

    return make


@pytest.fixture
def noise_bgr() -> np.ndarray:
    """A picture with detail at every scale: uint8 (480, 640, 3)."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (15, 20, 3), np.uint8)
    picture = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, 8, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


@pytest.fixture
def write_video() -> Callable[[Path, int], Path]:
    """Write a motion JPEG video of so many grey frames: 20, 40, 60, and so on."""

    def write(path: Path, frames: int) -> Path:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
        assert writer.isOpened()
        for index in range(frames):
            writer.write(np.full((48, 64, 3), 20 * (index + 1), np.uint8))
        writer.release()
        return path

    return write


@pytest.fixture
def run_python() -> Callable[..., Completed]:
    """Run this Python in a process of its own, with chosen folders first on its path."""

    def run(*arguments: str | Path, path: Path | None = None, **environ: str) -> Completed:
        inherited = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
        folders = os.pathsep.join([*([str(path)] if path else []), *inherited])
        return subprocess.run(
            [sys.executable, *map(os.fspath, arguments)],
            env={**os.environ, **environ, "PYTHONPATH": folders},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def run_partsight(run_python: Callable[..., Completed]) -> Callable[..., Completed]:
    """Run the command line in a process of its own."""

    def run(*arguments: str | Path, path: Path | None = None, **environ: str) -> Completed:
        return run_python("-m", "partsight", *arguments, path=path, **environ)

    return run


WHEN = datetime(2024, 5, 6, 7, 8, 9, 123000, timezone.utc)


@pytest.fixture
def make_row() -> Callable[..., dict[str, Any]]:
    """Make the journal row of a numbered part, one minute after the previous number's."""

    def make(number: int, **columns: Any) -> dict[str, Any]:
        when = WHEN + timedelta(minutes=number)
        time = f"{round(when.timestamp() * 1000):012x}"
        row = PartResult(
            id=f"{time[:8]}-{time[8:]}-7000-8000-{number:012}",
            captured_at=when,
            source="script",
            index=number,
            model_sha256="f" * 64,
            verdict=Verdict.ACCEPT,
            latency_ms=12.3456,
            reason="accept",
            prediction=Prediction({"defected": 0.25, "healthy": 0.75}, (1, 2)),
            trigger_event=TriggerEvent("mqtt", 1.5, f"SN-{number}"),
            thresholds=Thresholds(0.7, 0.5),
            model_version="3",
            frame_age_ms=4.0,
            stages_ms={"preprocess": 0.5, "invoke": 4.25},
            image_path=None,
        ).row()
        return {**row, **columns}

    return make
