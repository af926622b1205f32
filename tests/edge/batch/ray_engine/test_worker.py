"""The parts of ``--engine ray`` that need no Ray: options, chunks, worker, output folder."""

from __future__ import annotations

import json
import os
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partsight.api import Classifier
from partsight.batch.ray_engine.engine import _add
from partsight.batch.ray_engine.output_folder import open_output_folder
from partsight.batch.ray_engine.plan import Planner
from partsight.batch.ray_engine.worker import Attempts, Task, Worker
from partsight.batch.rows import OUTCOMES
from partsight.batch.summary import Summary
from partsight.errors import OutputError, SourceError
from partsight.qualification import golden


@pytest.fixture(autouse=True)
def needs_arrow(parquet: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "rows.parquet", "--engine", "ray"], "expected a new folder"),
        (["--engine", "ray"], "expected a new folder"),
        (["-o", "rows/", "--engine", "ray", "--sort-into", "s"], "--sort-into needs --engine"),
        (["-o", "rows/", "--engine", "ray", "--every", "2"], "--every is for videos"),
        (["-o", "o.csv", "--ray-address", "a:1"], "need --engine ray"),
        (["-o", "o.csv", "--rows-per-file", "5"], "need --engine ray"),
        (["-o", "o.csv", "--part-rows", "5"], "need --engine ray"),
        (["-o", "rows/"], "a folder needs --engine ray"),
    ],
)
def test_wrong_usage_is_refused(
    model_path: Path, make_captured: Callable, run: Callable, arguments: list[str], message: str
) -> None:
    result = run(model_path, make_captured(1), *arguments)
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_without_ray_the_command_that_installs_it(
    model_path: Path, make_captured: Callable, run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = run(model_path, make_captured(1), "-o", "rows/", "--engine", "ray")
    assert result.exit_code == 1
    assert "pip install 'partsight[ray]'" in result.stderr
    assert not list(Path().glob("rows*"))


def test_chunks_are_named_by_position_and_content(make_captured: Callable) -> None:
    captured = make_captured(40)
    parts = list(Planner().chunks([str(captured)], 7))
    assert [len(json.loads(part.inputs)) for part in parts] == [7, 7, 7, 7, 7, 5]
    assert [part.file for part in parts] == sorted(part.file for part in parts)
    assert [p.file for p in Planner().chunks([str(captured)], 7)] == [p.file for p in parts]
    (captured / "line 1" / "0001.png").unlink()
    changed = [part.file for part in Planner().chunks([str(captured)], 7)]
    assert changed[:2] == [part.file for part in parts[:2]]
    assert not {part.file for part in parts[2:]} & set(changed)


def test_names_that_are_not_utf8_reach_the_worker() -> None:
    folder = os.fsdecode(b"p\xff")
    Path(folder).mkdir()
    Path(folder, "a.png").write_bytes(b"")
    (part,) = Planner().chunks([folder], 10)
    ((name, path, number, reason),) = json.loads(part.inputs)
    assert (name, number, reason) == (f"{folder}/a.png", None, None)
    assert Path(path).read_bytes() == b""


def test_archives_are_refused(make_captured: Callable) -> None:
    shutil.make_archive("shift", "zip", make_captured(3))
    with pytest.raises(SourceError, match="use --engine local"):
        list(Planner().chunks(["shift.zip"], 10))


@pytest.mark.parametrize("uri", ["nothing://host/folder", "s3://a?no_such_option=1"])
def test_invalid_uris_are_refused(uri: str) -> None:
    with pytest.raises(SourceError, match="Expected a URI that pyarrow supports"):
        list(Planner().chunks([uri], 10))


class _FakeRay:
    """Object references are the objects themselves."""

    @staticmethod
    def get(reference: Any) -> Any:
        return reference


@pytest.fixture
def make_worker(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Worker]:
    """A worker in this process."""
    monkeypatch.setitem(sys.modules, "ray", _FakeRay)  # type: ignore[arg-type]
    data = model_path.read_bytes()
    classifier = Classifier.load(data, trusted=True)
    counter = Attempts()
    handle = types.SimpleNamespace(begin=types.SimpleNamespace(remote=counter.begin))

    def make(**changes: Any) -> Worker:
        output = open_output_folder("rows")
        settings: dict[str, Any] = {
            "output": output,
            "filesystems": [],
            "point": classifier.contract.operating_point,
            "overrides": None,
            "runtime": classifier.interpreter.runtime.name,
            "details": False,
            "only": OUTCOMES,
            "top_k": None,
        }
        return Worker(data, handle, Task(**{**settings, **changes}))

    return make


def reports(worker: Worker, parts: list[Any]) -> list[dict[str, Any]]:
    columns = {name: [getattr(p, name) for p in parts] for name in ("number", "file", "inputs")}
    return [json.loads(report) for report in worker(columns)["report"]]


def test_a_chunk_without_rows_has_the_columns(
    make_worker: Callable, make_captured: Callable, parquet: Any
) -> None:
    parts = list(Planner().chunks([str(make_captured(4))], 2))
    first, again = (reports(make_worker(only=("reject",)), parts) for _ in range(2))
    assert [report["classified_now"] for report in (*first, *again)] == [True, True, False, False]
    tables = [parquet.read_table(f"rows.partial/{part.file}") for part in parts]
    assert tables[0].schema == tables[1].schema
    assert "scores" in tables[0].column_names
    summary = Summary()
    for report in again:
        _add(summary, report, lambda name, reason: None)
    assert (summary.total, summary.failed) == (4, 1)
    assert "4 pictures, 0 of them" in summary.text()


def test_permanent_errors_end_the_run(
    make_worker: Callable, make_captured: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be written, and an image that crashes the worker."""
    (part,) = Planner().chunks([str(make_captured(1))], 2)
    Path("rows.partial").write_bytes(b"a file")
    (report,) = reports(make_worker(), [part])
    with pytest.raises(OutputError, match="begins with captured/line 0/0000.png failed.*rows"):
        _add(Summary(), report, lambda name, reason: None)

    worker = make_worker()
    monkeypatch.setattr(Worker, "_classify", lambda *_: sys.exit("as a signal would"))
    for _ in range(9):
        with pytest.raises(SystemExit):
            reports(worker, [part])
    (report,) = reports(worker, [part])
    assert "10 workers crashed on this chunk" in report["failed"]


def test_a_machine_with_other_scores_classifies_nothing(
    make_worker: Callable, make_captured: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    (part,) = Planner().chunks([str(make_captured(3))], 3)
    passed = make_worker()
    monkeypatch.setattr(golden, "has_passed", lambda *_: False)
    monkeypatch.setattr(golden.Replay, "difference", 0.9)
    (report,) = reports(make_worker(), [part])
    assert "does not decide here as it did where it was exported" in report["failed"]
    assert not list(Path().glob("rows*/part*"))
    (report,) = reports(passed, [part])
    assert "failed" not in report


def test_a_folder_is_complete_only_at_the_end(make_captured: Callable) -> None:
    output = open_output_folder("rows/")
    output.begin({"model": "f"}, ["part-0"], resume=False)
    assert (output.is_whole(), Path("rows").exists()) == (False, False)
    Path("rows.partial/.part-0.torn.part").write_bytes(b"half")
    Path("rows.partial/part-1").write_bytes(b"of other inputs")

    with pytest.raises(OutputError, match="Continue it with --resume"):
        output.begin({"model": "f"}, ["part-0"], resume=False)
    with pytest.raises(OutputError, match="run with other settings"):
        output.begin({"model": "e"}, ["part-0"], resume=True)
    with pytest.raises(OutputError, match="the inputs are not those"):
        output.begin({"model": "f"}, ["part-0"], resume=True)
    output.begin({"model": "f"}, ["part-0", "part-1"], resume=True)
    output.finish({})
    assert output.is_whole()
    assert sorted(os.listdir("rows")) == ["_SUCCESS", "_asked.json", "part-1"]


def test_a_folder_with_other_files_is_refused() -> None:
    Path("rows").mkdir()
    Path("rows/mine").write_bytes(b"")
    with pytest.raises(OutputError, match="is not empty"):
        open_output_folder("rows").begin({}, [], resume=True)
