"""The choice of a runtime, and errors of runtimes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partsight.errors import EnvironmentFault, ModelError
from partsight.inference import interpreter
from partsight.inference.interpreter import Interpreter, load_runtime
from partsight.inference.runtimes import (
    LITERT,
    Runtime,
    RuntimeOptions,
    choose_runtime,
    runtimes,
    speed_advice,
)
from partsight.inference.runtimes import TFLITE_RUNTIME as TFLITE


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch):
    """Have exactly these runtimes installed."""

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)

    def only(names: Iterable[str]) -> None:
        installed = set(names)
        monkeypatch.setattr(Runtime, "installed", property(lambda self: self.name in installed))

    return only


@pytest.mark.parametrize(
    ("installed", "name", "expected"),
    [
        (["litert", "tflite-runtime"], None, "litert"),
        (["tflite-runtime"], None, "tflite-runtime"),
        (["litert"], None, "litert"),
        (["litert", "tflite-runtime"], "tflite-runtime", "tflite-runtime"),
        (["litert", "tflite-runtime"], "", "litert"),
    ],
)
def test_the_runtime_that_is_chosen(install, installed, name, expected: str) -> None:
    install(installed)

    assert choose_runtime(name).name == expected


@pytest.mark.parametrize(
    ("installed", "name", "exception", "fragment"),
    [
        ([], None, EnvironmentFault, "pip install ai-edge-litert"),
        (
            ["litert"],
            "tflite-runtime",
            EnvironmentFault,
            "pip install tflite-runtime",
        ),
        (
            ["tflite-runtime"],
            "litert",
            EnvironmentFault,
            "pip install ai-edge-litert",
        ),
        ([], None, EnvironmentFault, "neither litert nor tflite-runtime is installed"),
        (
            ["tflite-runtime"],
            "litert",
            EnvironmentFault,
            "litert is not installed, and PARTSIGHT_RUNTIME or runtime in [model]",
        ),
        (
            ["litert"],
            "tflite-runtime",
            EnvironmentFault,
            "or choose litert, which is installed",
        ),
        (["litert"], "onnx", EnvironmentFault, "Received: 'onnx'"),
    ],
)
def test_a_missing_runtime_is_reported_with_what_to_install(
    install, installed, name, exception, fragment: str
) -> None:
    install(installed)

    with pytest.raises(exception) as fault:
        choose_runtime(name)
    assert fragment in str(fault.value)


JUDGE = """
import json, sys
from partsight import Classifier
from partsight.sample_data import LABELS, render_part
classifier = Classifier.load(sys.argv[1])
parts = [render_part(label, index, seed=3) for label in LABELS for index in range(10)]
rows = [dict(prediction.scores) for prediction in classifier.classify(parts)]
print(json.dumps([classifier.interpreter.runtime.name, rows]))
"""
# One step of a logit, as far as it shows in a score; the kernels are the same, their
# versions differ in a last bit here and there.
SCORE_TOLERANCE = 0.07


# As on an Arm board in a container that hides /sys: seen there.
NO_XNNPACK = """
import ctypes, types
from partsight.inference import xnnpack
library = types.SimpleNamespace(
    TfLiteXNNPackDelegateOptionsDefault=lambda: xnnpack._Options(),
    TfLiteXNNPackDelegateCreate=lambda options: None,
    TfLiteXNNPackDelegateDelete=lambda delegate: None,
)
xnnpack.ctypes = types.SimpleNamespace(**{**vars(ctypes), "CDLL": lambda path: library})
"""


def classify_in_child(
    model_path: Path, runtime: str, before: str = ""
) -> tuple[str, list[dict[str, float]], str]:
    """In a process of its own: tflite-runtime cannot share one with TensorFlow."""
    done = subprocess.run(
        [sys.executable, "-c", before + JUDGE, str(model_path)],
        env={**os.environ, "PARTSIGHT_RUNTIME": runtime},
        capture_output=True,
        text=True,
        check=True,
    )
    return (*json.loads(done.stdout), done.stderr)


@pytest.mark.parametrize("runtime", [r.name for r in runtimes()])
def test_the_variable_selects_the_runtime_and_all_use_xnnpack(
    model_path: Path, runtime: str
) -> None:
    used, rows, stderr = classify_in_child(model_path, runtime)

    assert used == runtime
    assert len(rows) == 20
    assert stderr == "", "a warning here says that the slow kernels serve"


@pytest.mark.skipif(TFLITE not in runtimes(), reason="takes tflite-runtime")
def test_without_xnnpack_the_slow_kernels_run_with_a_warning(
    model_path: Path,
) -> None:
    used, rows, stderr = classify_in_child(model_path, TFLITE.name, NO_XNNPACK)

    assert used == TFLITE.name
    assert len(rows) == 20
    assert "this model runs slowly: XNNPACK does not start on this machine" in stderr


@pytest.mark.skipif(len(runtimes()) < 2, reason="takes both runtimes")
def test_both_runtimes_give_the_same_scores(model_path: Path) -> None:
    (_, first, _), (_, second, _) = (
        classify_in_child(model_path, runtime.name) for runtime in runtimes()
    )

    for one, other in zip(first, second, strict=True):
        assert max(one, key=one.get) == max(other, key=other.get)
        assert one == pytest.approx(other, abs=SCORE_TOLERANCE)


def test_tflite_runtime_does_not_run_in_a_process_with_tensorflow(
    install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one process they are known to return wrong results."""
    install(["tflite-runtime"])
    monkeypatch.setitem(sys.modules, "tensorflow", types.ModuleType("tensorflow"))
    monkeypatch.setattr(np, "__version__", "1.26.4")

    with pytest.raises(EnvironmentFault, match="pip install ai-edge-litert"):
        choose_runtime()
    with pytest.raises(EnvironmentFault, match="has loaded TensorFlow"):
        load_runtime(TFLITE)


def test_shapes_and_quantization_are_read(model_path: Path) -> None:
    model = Interpreter(model_path.read_bytes())

    assert (model.input.shape, model.input.dtype) == ((1, 224, 224, 3), np.uint8)
    assert (model.output.shape, model.output.dtype) == ((1, 2), np.uint8)
    assert model.input.scale == pytest.approx(1 / 255)
    assert model.output.scale == pytest.approx(1 / 256)
    assert (model.input.zero_point, model.output.zero_point) == (0, 0)


def test_an_output_is_a_copy(model_path: Path) -> None:
    model = Interpreter(model_path.read_bytes())
    black, white = (np.full(model.input.shape, value, np.uint8) for value in (0, 255))

    first = model.invoke(black)
    kept = first.copy()
    model.invoke(white)

    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(model.invoke(black), kept)


def test_a_model_that_the_runtime_refuses_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="refuses the model"):
        Interpreter(b"\0\0\0\0TFL3 and nothing that a runtime knows")


@pytest.mark.parametrize(
    ("runtime", "machine", "installed", "advised"),
    [
        (TFLITE, "x86_64", ["tflite-runtime"], True),
        (TFLITE, "AMD64", ["tflite-runtime"], True),
        (TFLITE, "aarch64", ["tflite-runtime"], False),
        (TFLITE, "x86_64", ["tflite-runtime", "litert"], False),
        (LITERT, "x86_64", ["litert"], False),
    ],
)
def test_speed_advice(install, runtime: Runtime, machine: str, installed, advised: bool) -> None:
    install(installed)

    advice = speed_advice(runtime, machine)

    assert ("pip install ai-edge-litert" in advice) if advised else advice is None


@pytest.mark.parametrize("numpy_version", ["2.0.0", "2.3.1rc1", "10.1"])
def test_tflite_runtime_is_not_loaded_under_numpy_2(
    monkeypatch: pytest.MonkeyPatch, numpy_version: str
) -> None:
    """It would crash the process."""
    monkeypatch.setattr(np, "__version__", numpy_version)
    monkeypatch.setattr("importlib.import_module", lambda name: pytest.fail(f"loaded {name}"))

    with pytest.raises(EnvironmentFault, match=r"needs numpy below 2.*pip install"):
        load_runtime(TFLITE)


def test_under_numpy_1_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("tflite_runtime.interpreter")
    module.Interpreter = object
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(np, "__version__", "1.26.4")
    monkeypatch.setitem(sys.modules, "tflite_runtime", types.ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", module)

    assert load_runtime(TFLITE) is object


def test_a_runtime_that_does_not_load_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)

    # On a machine that has another runtime only, it is not installed at all.
    with pytest.raises(EnvironmentFault, match="Run pip install .*'ai-edge-litert'"):
        load_runtime(LITERT)


class FakeNative:
    """A runtime's interpreter of a model with these numbers of inputs and outputs."""

    inputs, outputs = 1, 1

    def __init__(
        self, model_content: bytes, num_threads: int, experimental_delegates: list[Any]
    ) -> None:
        self.arguments = model_content, num_threads

    def allocate_tensors(self) -> None: ...

    def get_input_details(self) -> list[dict[str, Any]]:
        shape = np.array([1, 2, 4, 3])
        return [{"index": 0, "shape": shape, "dtype": np.uint8, "quantization": (0.5, 3)}] * (
            self.inputs
        )

    def get_output_details(self) -> list[dict[str, Any]]:
        return self.get_input_details()[:1] * self.outputs


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 1), (1, 2), (1, 0)])
def test_a_model_that_is_not_a_classifier_is_refused(
    monkeypatch: pytest.MonkeyPatch, inputs: int, outputs: int
) -> None:
    native = type("Native", (FakeNative,), {"inputs": inputs, "outputs": outputs})
    monkeypatch.setattr(interpreter, "load_runtime", lambda runtime: native)
    monkeypatch.setattr(Runtime, "version", "0")
    monkeypatch.setattr(Runtime, "installed", True)

    with pytest.raises(ModelError, match=f"{inputs} inputs and {outputs} outputs"):
        Interpreter(b"", RuntimeOptions("litert"))


def test_threads_reach_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "load_runtime", lambda runtime: FakeNative)
    monkeypatch.setattr(Runtime, "version", "0")
    monkeypatch.setattr(Runtime, "installed", True)

    model = Interpreter(b"bytes", RuntimeOptions("litert", 3))

    assert model._native.arguments == (b"bytes", 3)
    assert model.input == interpreter.TensorInfo((1, 2, 4, 3), np.dtype(np.uint8), 0.5, 3)


SCORES = {"index": 7, "shape": np.array([1, 2]), "dtype": np.uint8, "quantization": (1 / 256, 0)}
TILE_SCORES = {**SCORES, "shape": np.array([1, 6, 2])}
MAP = {"index": 8, "shape": np.array([1, 5, 4, 1]), "dtype": np.uint8, "quantization": (0.5, 90)}


class Native(FakeNative):
    """A runtime's interpreter whose tensors hold their own index."""

    details: tuple[dict[str, Any], ...] = ()

    def get_output_details(self) -> list[dict[str, Any]]:
        return list(self.details)

    def set_tensor(self, index: int, tensor: np.ndarray) -> None: ...

    def invoke(self) -> None: ...

    def get_tensor(self, index: int) -> np.ndarray:
        return np.array(index)


def opened(monkeypatch: pytest.MonkeyPatch, details: tuple[dict[str, Any], ...]) -> Interpreter:
    native = type("Native", (Native,), {"details": details})
    monkeypatch.setattr(interpreter, "load_runtime", lambda runtime: native)
    monkeypatch.setattr(Runtime, "version", "0")
    monkeypatch.setattr(Runtime, "installed", True)
    return Interpreter(b"", RuntimeOptions("litert"))


@pytest.mark.parametrize(
    "details", [(SCORES, MAP), (MAP, SCORES), (MAP, TILE_SCORES), (TILE_SCORES, MAP)]
)
def test_scores_and_heat_map_are_recognized_in_any_order(
    monkeypatch: pytest.MonkeyPatch, details: tuple[dict[str, Any], ...]
) -> None:
    model = opened(monkeypatch, details)

    assert model.output.shape in {(1, 2), (1, 6, 2)}
    assert model.heatmap == interpreter.TensorInfo((1, 5, 4, 1), np.dtype(np.uint8), 0.5, 90)
    assert (model.invoke(np.zeros(1)), model.read_heatmap()) == (7, 8)


def test_one_output_is_the_scores_whatever_its_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    model = opened(monkeypatch, (MAP,))

    assert model.output.shape == (1, 5, 4, 1)
    assert (model.heatmap, model.read_heatmap()) == (None, None)


@pytest.mark.parametrize("details", [(MAP, MAP), (SCORES, MAP, MAP), (SCORES, SCORES, MAP)])
def test_other_outputs_than_scores_and_a_map_are_refused(
    monkeypatch: pytest.MonkeyPatch, details: tuple[dict[str, Any], ...]
) -> None:
    with pytest.raises(ModelError, match=f"1 inputs and {len(details)} outputs"):
        opened(monkeypatch, details)
