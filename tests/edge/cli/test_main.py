"""The command line, as its users meet it."""

from __future__ import annotations

import csv
import dataclasses
import errno
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from partsight.cli.main import main
from partsight.decision.operating_point import OperatingPoint
from partsight.model.file import attach_contract, load_model_file
from partsight.model.reference import Reference, Spread

COLUMNS = ["path", "label", "score", "scores", "tile", "verdict", "reason", "model", "error"]


def run(*arguments: str | Path) -> Result:
    texts = [os.fspath(argument) for argument in arguments]
    return CliRunner().invoke(main, texts, prog_name="partsight")


def errors(result: Result) -> list[str]:
    """The lines of stderr, less the advice that one runtime gives of another."""
    return [line for line in result.stderr.splitlines() if "pip install ai-edge-litert" not in line]


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Two pictures a label."""
    rng = np.random.default_rng(0)
    for label in ("defected", "healthy"):
        folder = tmp_path / "parts" / label
        folder.mkdir(parents=True)
        for index in range(2):
            picture = rng.integers(0, 256, (40, 50, 3), np.uint8)
            assert cv2.imwrite(str(folder / f"{index}.png"), picture)
    return tmp_path / "parts"


@pytest.fixture
def broken(parts: Path) -> Path:
    """A third healthy picture that cannot be read."""
    path = parts / "healthy" / "2.png"
    path.write_bytes(b"no picture")
    return path


def pictures(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.rglob("*.png"))]


def test_classify_writes_one_json_line_per_image(
    model_path: Path, parts: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "results.jsonl"

    result = run("classify", model_path, parts, "-o", output, "--quiet")

    assert (result.exit_code, result.stdout, errors(result)) == (0, "", [])
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["path"] for row in rows] == pictures(parts)
    for row in rows:
        assert list(row) == COLUMNS
        assert list(row["scores"]) == ["defected", "healthy"]
        assert row["score"] == max(row["scores"].values()) == row["scores"][row["label"]]
        assert row["verdict"] in {"accept", "reject", "review"}
        assert row["model"] == load_model_file(model_path).sha256
        assert row["error"] is None


def test_stdout_and_csv_have_the_same_rows(model_path: Path, parts: Path, tmp_path: Path) -> None:
    to_stdout = run("classify", model_path, parts)
    to_csv = run("classify", model_path, parts, "-o", tmp_path / "out.csv")

    assert to_stdout.exit_code == to_csv.exit_code == 0
    rows = [json.loads(line) for line in to_stdout.stdout.splitlines()]
    with (tmp_path / "out.csv").open(newline="") as stream:
        read = list(csv.DictReader(stream))
    assert list(read[0]) == COLUMNS
    assert [{**r, "score": float(r["score"]), "scores": json.loads(r["scores"])} for r in read] == [
        {**row, "tile": "", "error": ""} for row in rows
    ]


def test_parquet_has_the_same_rows(model_path: Path, parts: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    output = tmp_path / "results.parquet"
    lines = run("classify", model_path, parts).stdout.splitlines()

    result = run("classify", model_path, parts, "-o", output, "--quiet")

    assert (result.exit_code, errors(result)) == (0, [])
    rows = parquet.read_table(output).to_pylist()
    assert [{**row, "scores": dict(row["scores"])} for row in rows] == list(map(json.loads, lines))


def test_broken_pictures_are_named_and_the_exit_code_is_3(
    model_path: Path, parts: Path, broken: Path, tmp_path: Path
) -> None:
    missing, output = tmp_path / "missing.png", tmp_path / "out.jsonl"

    result = run("classify", model_path, parts, missing, "-o", output, "--quiet")

    assert result.exit_code == 3
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    failed = {row["path"]: row["error"] for row in rows if row["error"]}
    assert list(failed) == [str(broken), str(missing)]
    assert [row["verdict"] for row in rows if row["error"]] == [None, None]
    assert len(rows) == 6
    assert errors(result) == [
        *(f"partsight: {path}: {reason}" for path, reason in failed.items()),
        "partsight: 2 of 6 inputs failed, each is named above",
    ]


def damaged(model_path: Path, folder: Path, kind: str) -> Path:
    data = model_path.read_bytes()
    path = folder / "model.tflite"
    changed = {
        "truncated": data[: len(data) // 2],
        "flipped": data[:1_000_000] + bytes([data[1_000_000] ^ 1]) + data[1_000_001:],
        "text": b"no model",
        "empty": b"",
    }
    if kind != "missing":
        path.write_bytes(changed[kind])
    return path


@pytest.mark.parametrize("kind", ["missing", "truncated", "flipped", "text", "empty"])
def test_a_bad_model_fails_in_one_line_and_leaves_no_output(
    run_partsight: Callable, model_path: Path, parts: Path, tmp_path: Path, kind: str
) -> None:
    model, output = damaged(model_path, tmp_path, kind), tmp_path / "out" / "results.csv"

    done = run_partsight("classify", model, parts, "-o", output)

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert str(model) in line
    assert not output.parent.exists() or os.listdir(output.parent) == []


@pytest.mark.parametrize("command", ["evaluate", "inspect", "watch"])
@pytest.mark.parametrize("kind", ["missing", "flipped"])
def test_every_command_refuses_a_bad_model_in_one_line(
    model_path: Path, parts: Path, tmp_path: Path, command: str, kind: str
) -> None:
    rest = {"evaluate": [parts], "inspect": [], "watch": ["--source", parts]}[command]

    result = run(command, damaged(model_path, tmp_path, kind), *rest)

    assert (result.exit_code, result.stdout) == (1, "")
    assert len(errors(result)) == 1


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["classify"], "Missing argument 'MODEL'"),
        (["classify", "m.tflite"], "Missing argument 'PATHS...'"),
        (["classify", "m.tflite", "p", "--workers", "0"], "--workers"),
        (["classify", "m.tflite", "p", "--only", "bad"], "received 'bad'"),
        (["classify", "m.tflite", "p", "--resume"], "--resume needs -o"),
        (["classify", "m.tflite", "p", "-o", "."], "is a directory"),
        (["classify", "m.tflite", "p", "-o", "out.xlsx"], "must end in .csv or .jsonl"),
        (["watch", "m.tflite"], "Missing option '--source'"),
        (["watch", "m.tflite", "--source", "0", "--max-frames", "0"], "--max-frames"),
        (["evaluate", "m.tflite"], "Missing argument 'IMAGE_DIR'"),
        (["inspect", "m.tflite", "--jsn"], "No such option"),
        (["clasify"], "No such command"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], fragment: str) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert fragment in result.stderr


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["classify", "MODEL", "EMPTY"], "no pictures in"),
        (["evaluate", "MODEL", "EMPTY"], "no pictures in"),
        (["evaluate", "MODEL", "missing"], "is not a folder"),
        (["watch", "MODEL", "--source", "missing"], "no source 'missing'"),
        (["watch", "MODEL", "--source", "EMPTY"], "no pictures in"),
    ],
)
def test_a_missing_input_fails_in_one_line(
    model_path: Path, parts: Path, tmp_path: Path, arguments: list[str], fragment: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"MODEL": model_path, "PARTS": parts, "EMPTY": tmp_path / "empty"}

    result = run(*(places.get(argument, argument) for argument in arguments))

    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = errors(result)
    assert fragment in line


def test_watch_prints_one_verdict_per_frame_of_a_video(
    model_path: Path, tmp_path: Path, write_video: Callable
) -> None:
    video = write_video(tmp_path / "line.avi", 4)

    result = run("watch", model_path, "--source", video)

    assert result.exit_code == 0
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["frame"] for row in rows] == [0, 1, 2, 3]
    assert len({row["id"] for row in rows}) == 4
    assert {"id", "captured_at", "label", "score", "verdict", "latency_ms"} <= set(rows[0])
    (summary,) = errors(result)
    assert sum(int(word) for word in summary.replace(",", "").split() if word.isdecimal()) == 4


def test_watch_stops_after_max_frames(
    model_path: Path, tmp_path: Path, write_video: Callable
) -> None:
    video = write_video(tmp_path / "line.avi", 4)

    result = run("watch", model_path, "--source", video, "--max-frames", "2")

    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2


def test_watch_names_a_broken_picture_of_a_folder(
    model_path: Path, parts: Path, broken: Path
) -> None:
    result = run("watch", model_path, "--source", parts)

    assert result.exit_code == 3
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["source"] for row in rows] == pictures(parts)
    (failed,) = [row for row in rows if row["error"]]
    assert (failed["source"], failed["verdict"]) == (str(broken), "reject")
    assert "1 of 5 inputs failed" in result.stderr


@pytest.mark.parametrize("kept", [0, 4, 200, 5700])
def test_watch_a_cut_off_video_fails_in_one_line(
    run_partsight: Callable, model_path: Path, tmp_path: Path, write_video: Callable, kept: int
) -> None:
    video = write_video(tmp_path / "line.avi", 4)
    video.write_bytes(video.read_bytes()[:kept])

    done = run_partsight("watch", model_path, "--source", video)

    assert (done.returncode, done.stdout) == (1, "")
    lines = [line for line in done.stderr.splitlines() if "pip install" not in line]
    assert len(lines) == 1
    assert str(video) in lines[0]


def test_evaluate_prints_metrics_as_json(model_path: Path, parts: Path) -> None:
    result = run("evaluate", model_path, parts, "--json")

    assert (result.exit_code, errors(result)) == (0, [])
    metrics = json.loads(result.stdout)
    assert {
        "accuracy",
        "images",
        "labels",
        "confusion",
        "per_label",
        "auc",
        "operating_point",
        "latency_ms",
    } <= set(metrics)
    assert (metrics["images"], metrics["labels"]) == (4, ["defected", "healthy"])
    assert [sum(row) for row in metrics["confusion"]] == [2, 2]
    assert set(metrics["per_label"]["healthy"]) == {"precision", "recall", "f1", "support"}
    assert 0 < metrics["latency_ms"]["p50"] <= metrics["latency_ms"]["p95"]


def test_evaluate_prints_metrics_for_people_and_names_failed_files(
    model_path: Path, parts: Path, broken: Path
) -> None:
    result = run("evaluate", model_path, parts)

    assert result.exit_code == 3
    assert " on 4 pictures" in result.stdout.splitlines()[0]
    named, summary = errors(result)
    assert named.startswith(f"partsight: {broken}: not an image")
    assert "1 of 5 inputs failed" in summary


def bare(model: Path) -> bytes:
    """The flatbuffer, without its tail."""
    size = json.loads(zipfile.ZipFile(model).read("partsight.json"))["model_bytes"]
    return model.read_bytes()[:size]


def test_inspect_prints_all_facts_without_control_characters(
    model_path: Path, tmp_path: Path
) -> None:
    file = load_model_file(model_path)
    point = OperatingPoint(("healthy",), 0.75, 0.5, recall=0.99, false_reject_rate=0.05)
    export = {"variant": "int8", "min_runtime": None, "parity": {"agreement": 0.995}}
    contract = dataclasses.replace(
        file.contract,
        operating_point=point,
        preprocess=dataclasses.replace(file.contract.preprocess, roi=(0.25, 0.0, 0.5, 1.0)),
        tiles=(2, 3),
        provenance={"command_line": "train \x1b[2J parts", "export": export},
        reference=Reference(90, 0.025, Spread(0.971, 0.03), Spread(110, 6), Spread(41, 2)),
    )
    (tmp_path / "m.tflite").write_bytes(attach_contract(bare(model_path), contract))

    said = run("inspect", tmp_path / "m.tflite").stdout

    assert "\x1b" not in said
    for part in (
        "region 0.25,0,0.5,1, 2 x 3 tiles, the worst decides",
        "verdicts        accept above 0.7500, reject below 0.5000, review between",
        "99.00% of bad parts and 5.00% of good parts not accepted",
        "drift reference score 0.971 +- 0.030, 2.50% of good parts rejected, brightness 110 +- 6, "
        "contrast 41 +- 2, of 90 good parts",
        "train \ufffd[2J parts",
        "needs TFLite    unknown",
        "99.50% of the float model's on test",
    ):
        assert part in said


@pytest.mark.parametrize(
    "export", [{}, [], "x", {"variant": "int8", "min_runtime": None, "parity": {"agreement": "x"}}]
)
def test_inspect_reports_an_unreadable_provenance(
    export: object, model_path: Path, tmp_path: Path
) -> None:
    """No check covers the provenance, so a file may hold anything there."""
    file = load_model_file(model_path)
    contract = dataclasses.replace(file.contract, provenance={"export": export})
    (tmp_path / "m.tflite").write_bytes(attach_contract(bare(model_path), contract))
    result = run("inspect", tmp_path / "m.tflite")
    assert result.exit_code == 0, result.output
    assert "export          unreadable" in result.stdout


def test_inspect_prints_the_same_facts_as_json_and_for_people(model_path: Path) -> None:
    machine, human = run("inspect", model_path, "--json"), run("inspect", model_path)

    facts = json.loads(machine.stdout)
    assert len(machine.stdout.splitlines()) == 1
    lines = dict(line.split(maxsplit=1) for line in human.stdout.splitlines())
    assert lines["SHA-256"] == facts["sha256"]
    assert "224 x 224 pixels, stretch" in lines["input"]
    assert lines["labels"] == "defected, healthy"
    assert facts["labels"] == ["defected", "healthy"]
    whole_frame = {"height": 224, "width": 224, "version": 1, "fit": "stretch", "roi": None}
    assert facts["preprocess"] == whole_frame
    assert facts["bytes"] == model_path.stat().st_size
    assert facts["sha256"] == load_model_file(model_path).sha256
    assert {"operating_point", "provenance"} <= set(facts)


def test_version_is_that_of_the_package() -> None:
    try:
        installed = importlib.metadata.version("partsight")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("runs from a checkout that is not installed")

    result = run("--version")

    assert (result.exit_code, result.stdout) == (0, f"partsight, version {installed}\n")


OWN_COMMANDS = [
    "benchmark",
    "capture",
    "classify",
    "config",
    "doctor",
    "evaluate",
    "install-service",
    "journal",
    "model",
    "sample-data",
    "watch",
]
MODEL_COMMANDS = [
    "activate",
    "check",
    "inspect",
    "keygen",
    "list",
    "rollback",
    "shadow-report",
    "sign",
    "verify",
]
FORMER_COMMANDS = ["check", "inspect", "keygen", "sign", "verify"]
SUBCOMMANDS = [
    *(["config", name] for name in ("check", "init", "reference", "show")),
    *(["journal", name] for name in ("export", "query", "verify")),
    *(["model", name] for name in MODEL_COMMANDS),
    *([name] for name in FORMER_COMMANDS),
]


def listed(text: str) -> dict[str, str]:
    """The commands in a help text, with their summaries."""
    rows = re.findall(r"^  ([a-z-]+) {2,}(.*)$", text, re.MULTILINE)
    return {name: summary for name, summary in rows if not name.startswith("-")}


@pytest.mark.parametrize("command", [[], *([name] for name in OWN_COMMANDS), *SUBCOMMANDS])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_help_has_an_example(command: list[str], flag: str) -> None:
    result = run(*command, flag)

    assert result.exit_code == 0
    assert "Example:" in result.stdout
    assert "\n  partsight " in result.stdout.partition("Example:")[2].replace("    ", "  ")


def test_help_lists_every_command_in_a_section() -> None:
    text = run("--help").stdout
    found = listed(text)

    assert set(OWN_COMMANDS) <= set(found)
    assert not set(FORMER_COMMANDS) & set(found)
    assert [name for name in ("Workstation", "Device", "Line") if f"\n{name}:\n" in text] == [
        "Workstation",
        "Device",
        "Line",
    ]
    assert "\nOther:\n" not in text


@pytest.mark.parametrize("group", [[], ["model"], ["journal"], ["config"]])
def test_each_command_is_described_whole_in_80_columns(group: list[str]) -> None:
    text = run(*group, "--help").stdout

    assert len(listed(text)) > 2
    assert max(map(len, text.splitlines())) <= 80
    assert [name for name, summary in listed(text).items() if summary[-1:] != "."] == []
    assert "..." not in text.replace("[ARGS]...", "")


@pytest.mark.parametrize("arguments", [[], ["classify"], ["model"], ["watch"]])
def test_help_imports_no_large_library(arguments: list[str]) -> None:
    code = (
        "import sys; from partsight.cli.main import main; "
        f"main([*{arguments}, '--help'], standalone_mode=False); "
        "print({'numpy', 'cv2', 'PIL', 'pydantic', 'tensorflow'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "set()"


def test_help_of_model_lists_its_commands() -> None:
    assert set(listed(run("model", "--help").stdout)) == set(MODEL_COMMANDS)


@pytest.mark.parametrize("name", FORMER_COMMANDS)
def test_a_former_top_level_command_is_the_one_of_model(name: str) -> None:
    former, current = run(name, "--help").stdout, run("model", name, "--help").stdout

    assert former.partition("\n")[2] == current.partition("\n")[2] != ""


def commands(command: click.Command, context: click.Context) -> Iterator[click.Command]:
    """A command and all below it."""
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, context)


def test_every_option_has_a_help_text() -> None:
    missing = [
        (each.name, option.opts)
        for each in commands(main, click.Context(main))
        for option in each.params
        if isinstance(option, click.Option) and not option.help and not option.hidden
    ]

    assert missing == []


def test_no_help_text_starts_with_of_or_with() -> None:
    context = click.Context(main)
    helps = [
        text
        for each in commands(main, context)
        for text in (each.help, *(getattr(option, "help", None) for option in each.params))
        if text
    ]

    assert len(helps) > 100
    assert [text for text in helps if text.startswith(("Of ", "With "))] == []


def test_an_unexpected_error_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, model_path: Path
) -> None:
    def fail(model: object, given: object) -> None:
        raise ZeroDivisionError("a defect\nof ours")

    monkeypatch.setattr("partsight.model.file.load_model_file", fail)

    result = run("inspect", model_path)

    assert result.exit_code == 1
    (line,) = errors(result)
    assert "unexpected ZeroDivisionError: a defect of ours" in line
    assert "--debug" in line


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device. Free space"),
        (OSError(errno.EMFILE, "Too many", "a.png"), "'a.png'. Raise the limit on open files"),
        (OSError(errno.EROFS, "Read-only file system", "b"), "Choose a folder that is writable"),
        (ModuleNotFoundError("x", name="no_such.part"), "Run pip install no_such"),
        (MemoryError(), "out of memory"),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
            "no temporary folder can be written: expected TMPDIR, /tmp",
        ),
    ],
    ids=str,
)
def test_a_fault_of_the_machine_is_not_reported_as_a_defect(
    error: Exception, expected: str, monkeypatch: pytest.MonkeyPatch, model_path: Path
) -> None:
    def fail(model: object, given: object) -> None:
        raise error

    monkeypatch.setattr("partsight.model.file.load_model_file", fail)
    (line,) = errors(run("inspect", model_path))
    assert expected in line
    assert "report it" not in line


def test_debug_shows_the_traceback(run_partsight: Callable, tmp_path: Path) -> None:
    done = run_partsight("--debug", "inspect", tmp_path / "none.tflite")

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "partsight.errors.ModelError" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs paths of bytes")
def test_a_path_that_is_not_utf_8_is_classified(
    run_partsight: Callable, model_path: Path, parts: Path, tmp_path: Path
) -> None:
    odd = os.fsdecode(os.fsencode(parts) + b"/caf\xe9.png")
    os.rename(parts / "healthy" / "0.png", odd)

    done = run_partsight("classify", model_path, odd, "-o", tmp_path / "out.jsonl")

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.jsonl").read_text())["path"] == odd


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe whose reader can leave first")
def test_a_closed_pipe_ends_the_run_without_a_message(model_path: Path, parts: Path) -> None:
    command = [sys.executable, "-m", "partsight", "classify", model_path, parts]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(
            command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=120, check=False
        )

    assert "Traceback" not in done.stderr
    assert "unexpected" not in done.stderr
