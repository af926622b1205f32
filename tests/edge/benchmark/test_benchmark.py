"""Measurements of models on this machine, and the recommendation."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from partsight.benchmark.measure import Measurement, Way, benchmark, recommend, ways
from partsight.benchmark.process import measure
from partsight.cli.main import main
from partsight.config.file import read_config
from partsight.errors import ModelError
from partsight.inference.interpreter import TensorInfo
from partsight.inference.runtimes import Runtime, RuntimeOptions, runtimes

RUNTIMES = [Runtime(name, name, name) for name in ("litert", "tflite-runtime")]


@pytest.mark.parametrize(
    ("cores", "counts"),
    [
        (1, [(1, 1, 1), (1, 1, 4)]),
        (2, [(1, 1, 1), (2, 1, 1), (1, 2, 1), (2, 1, 4)]),
        (3, [(1, 1, 1), (2, 1, 1), (3, 1, 1), (1, 3, 1), (3, 1, 4)]),
    ],
)
def test_every_way(cores: int, counts: list[tuple[int, int, int]]) -> None:
    found = ways([Path("a"), Path("b")], RUNTIMES, cores)
    assert [(way.threads, way.workers, way.batch) for way in found[: len(counts)]] == counts
    assert len(found) == len(set(found)) == 4 * len(counts)


def measured(
    model: str, p50_ms: float | None, threads: int = 1, workers: int = 1, batch: int = 1
) -> Measurement:
    return Measurement(Way(model, "litert", threads, workers, batch), p50_ms=p50_ms)


@pytest.mark.parametrize(
    ("measurements", "chosen"),
    [
        ([measured("slow", 9.0), measured("fast", 5.0)], 1),
        ([measured("two", 4.9, threads=2), measured("one", 5.0)], 1),
        ([measured("two", 3.0, threads=2), measured("one", 5.0)], 0),
        ([measured("side by side", 3.0, workers=2), measured("one", 5.0)], 1),
        ([measured("together", 3.0, batch=4), measured("one", 5.0)], 1),
        ([measured("refused", None), measured("one", 5.0)], 1),
    ],
)
def test_the_recommendation(measurements: list[Measurement], chosen: int) -> None:
    choice = recommend(measurements)
    assert choice is not None
    assert choice[0] is measurements[chosen]
    assert choice[1].startswith(f"{measurements[chosen].way.model} with litert on ")


def test_without_measurements_there_is_no_recommendation() -> None:
    assert recommend([measured("refused", None)]) is None


def test_percentiles_and_failures() -> None:
    failures = iter(
        [
            subprocess.CalledProcessError(1, "x", stderr="first\nthe last line\n"),
            subprocess.CalledProcessError(-11, "x", stderr=""),
            subprocess.TimeoutExpired("x", 600),
        ]
    )
    document = {
        "load_ms": 1.0,
        "first_ms": 2.0,
        "latency_ms": list(range(101)),
        "frames_per_s": 3.0,
        "peak_mib": None,
    }

    def run(way: Way, data: bytes, frames: int, size: str) -> dict[str, Any]:
        assert (data, frames, size) == (way.model.encode(), 7, "8x9")
        error = next(failures, None)
        if error is not None:
            raise error
        return dict(document)

    models = {Path(name): name.encode() for name in "abcd"}
    rows = benchmark(models, 7, "8x9", run=run)
    assert [row.error for row in rows[:4]] == [
        "the last line",
        "exit code -11",
        "not finished within 600 s",
        None,
    ]
    assert (rows[3].p50_ms, rows[3].p95_ms, rows[3].p99_ms) == (50, 95, 99)


def test_the_command_measures(model_path: Path) -> None:
    """In child processes, as it does for a user; the tests below replace them."""
    result = CliRunner().invoke(
        main, ["benchmark", str(model_path), "--frames", "2", "--size", "64x48", "--json"]
    )
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert {row["way"]["runtime"] for row in said["measurements"]} == {
        runtime.name for runtime in runtimes()
    }
    for row in said["measurements"]:
        assert row["error"] is None
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
        assert row["load_ms"] > 0 < row["frames_per_s"]
        assert row["peak_mib"] > 10
    assert said["recommended"]["model"] == str(model_path)


@pytest.fixture
def fixed_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements without a run: the first runtime takes 1 ms per thread, the others 2 ms."""

    def run(way: Way, data: bytes, frames: int, size: str) -> dict[str, Any]:
        p50_ms = way.threads * (1 if way.runtime == runtimes()[0].name else 2)
        said = {"load_ms": 1, "first_ms": 1, "frames_per_s": 1, "peak_mib": 1}
        return {**said, "latency_ms": [p50_ms]}

    monkeypatch.setattr("partsight.benchmark.measure._run", run)


def test_the_choice_is_saved_and_used(model_path: Path, tmp_path: Path, fixed_times: None) -> None:
    path = tmp_path / "etc" / "partsight.toml"

    def save(*options: str) -> Result:
        arguments = ["benchmark", model_path, "--frames", "1", "--config", path, "--save"]
        return CliRunner().invoke(main, [*map(str, arguments), *options])

    first = save("--json")
    assert first.exit_code == 0, first.output
    best = json.loads(first.stdout)["recommended"]
    assert (best["runtime"], best["threads"]) == (runtimes()[0].name, 1)
    model = read_config(path).model
    assert (model.runtime, model.threads) == (best["runtime"], best["threads"])

    said = "# of the line\n[model]\nthreads = 7 # too many\npublic_key = 'lost.pub'\n"
    path.write_text(said)
    refused = save()
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "cannot read the key" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert path.read_text() == said


def test_a_configuration_named_by_the_environment_is_created(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixed_times: None
) -> None:
    path = tmp_path / "new.toml"
    monkeypatch.setenv("PARTSIGHT_CONFIG", str(path))
    arguments = ["benchmark", str(model_path), "--frames", "1", "--save"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert read_config(path).model.threads == 1


def test_the_table_names_the_choice(model_path: Path, fixed_times: None) -> None:
    result = CliRunner().invoke(main, ["benchmark", str(model_path), "--frames", "1"])
    assert result.exit_code == 0, result.output
    assert "Recommended: " in result.output
    assert f"with {runtimes()[0].name} on 1 thread" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.tflite"], 1, "cannot read the model none.tflite"),
        ([], 2, "Missing argument"),
        (["x", "--size", "12"], 2, "expected width and height"),
        (["x", "--frames", "0"], 2, "0 is not in the range"),
    ],
)
def test_wrong_usage(arguments: list[str], code: int, message: str) -> None:
    result = CliRunner().invoke(main, ["benchmark", *arguments])
    assert result.exit_code == code
    assert message in result.output


def test_a_model_that_a_runtime_refuses_is_named(
    model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(way: Way, data: bytes, frames: int, size: str) -> dict[str, Any]:
        raise subprocess.CalledProcessError(1, "x", stderr="refuses the model")

    monkeypatch.setattr("partsight.benchmark.measure._run", run)
    result = CliRunner().invoke(main, ["benchmark", str(model_path)])
    assert result.exit_code == 3
    assert "refuses the model" in result.output
    assert "Recommended" not in result.output


def test_a_model_without_batches_is_not_a_failure(
    model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(way: Way, data: bytes, frames: int, size: str) -> dict[str, Any]:
        if way.batch > 1:
            raise subprocess.CalledProcessError(1, "x", stderr="cannot run batches of 4 frames")
        return {"load_ms": 1, "first_ms": 1, "latency_ms": [1], "frames_per_s": 1, "peak_mib": 1}

    monkeypatch.setattr("partsight.benchmark.measure._run", run)
    result = CliRunner().invoke(main, ["benchmark", str(model_path)])
    assert result.exit_code == 0, result.output
    assert result.output.count("cannot run batches of 4 frames") == len(runtimes())


class OneAtATime:
    """As a runtime goes on whose model has its one picture written into a reshape."""

    output = TensorInfo((1, 8), np.dtype(np.uint8), 1 / 256, 0)

    def __init__(self, model: bytes, options: RuntimeOptions, *, batch: int) -> None:
        self.batch = batch


class NoOtherShape:
    def __init__(self, model: bytes, options: RuntimeOptions, *, batch: int) -> None:
        raise ModelError("told at length") from RuntimeError("reshape failed to prepare")


@pytest.mark.parametrize(
    ("interpreter", "message"),
    [
        (OneAtATime, r"cannot run batches of 4 frames: .*, received \(1, 8\)"),
        (NoOtherShape, "cannot run batches of 4 frames: reshape failed to prepare"),
    ],
)
def test_unsupported_batches_are_not_measured(
    interpreter: type, message: str, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partsight.benchmark.process.Interpreter", interpreter)
    with pytest.raises(ModelError, match=message):
        measure(model_path.read_bytes(), RuntimeOptions(), 1, batch=4, frames=1, size="8x8")


def test_the_checked_bytes_are_measured(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is swapped between the check and the first measurement."""
    path = tmp_path / "model.tflite"
    path.write_bytes(b"swapped")
    first = ways([path], runtimes(), 1)[:1]
    monkeypatch.setattr("partsight.benchmark.measure.ways", lambda models, installed, cores: first)
    (row,) = benchmark({path: model_path.read_bytes()}, 1, "8x8")
    assert row.error is None
