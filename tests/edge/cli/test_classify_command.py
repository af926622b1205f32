"""``partsight classify``: its options and stopped runs."""

from __future__ import annotations

import base64
import collections
import contextlib
import csv
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from partsight.batch.contact_sheet import ContactSheet
from partsight.batch.run import ClassifiedInput
from partsight.batch.sort_into import SortInto
from partsight.batch.spool import Spool, spool_path
from partsight.batch.summary import Summary
from partsight.cli.main import main
from partsight.decision.operating_point import OperatingPoint
from partsight.errors import ImageError
from partsight.inputs.base import InputImage, Unreadable

pytestmark = pytest.mark.usefixtures("in_tmp_path")


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def captured() -> Path:
    """40 pictures, every tenth of them damaged."""
    rng, folder = np.random.default_rng(0), Path("captured")
    folder.mkdir()
    for number in range(40):
        image_bgr = cv2.resize(rng.integers(0, 256, (6, 6, 3), np.uint8), (240, 240))
        cv2.imwrite(str(folder / f"{number:02}.png"), image_bgr)
        if number % 10 == 0:
            (folder / f"{number:02}.png").write_bytes(b"no picture")
    return folder


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, ["classify", *map(str, arguments)], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def rows(path: Path | str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_sqlite_contains_the_same_rows(model_path: Path, captured: Path) -> None:
    for output in ("o.jsonl", "o.sqlite"):
        assert run(model_path, captured, "-o", output, "--details").exit_code == 3

    with contextlib.closing(sqlite3.connect("o.sqlite")) as database:
        database.row_factory = sqlite3.Row
        read = [dict(row) for row in database.execute("SELECT * FROM results")]
    assert read == [
        {**row, "scores": row["scores"] and json.dumps(row["scores"])} for row in rows("o.jsonl")
    ]
    assert len(read) == 40


def test_only_and_top_k_select_rows_and_scores(model_path: Path, captured: Path) -> None:
    run(model_path, captured, "-o", "all.jsonl")
    run(model_path, captured, "-o", "some.jsonl", "--only", "error,review", "--top-k", "1")
    run(model_path, captured, "-o", "-", "--only", "accept")

    expected = []
    for row in rows("all.jsonl"):
        best = row["scores"] and {row["label"]: row["score"]}
        if row["verdict"] in (None, "review"):
            expected.append({**row, "scores": best})
    assert rows("some.jsonl") == expected
    assert len(expected) >= 4


@pytest.mark.parametrize(
    ("thresholds", "verdicts"),
    [
        (["--accept-above", "0", "--reject-below", "0"], {"accept"}),
        (["--accept-above", "1", "--reject-below", "1"], {"reject"}),
        (["--accept-above", "1", "--reject-below", "0"], {"review"}),
    ],
)
def test_threshold_options_replace_the_models(
    model_path: Path, captured: Path, thresholds: list[str], verdicts: set[str]
) -> None:
    result = run(model_path, captured, *thresholds, "--only", "accept,reject,review")
    assert {json.loads(line)["verdict"] for line in result.stdout.splitlines()} == verdicts


def test_images_are_sorted_by_verdict_and_label(model_path: Path, captured: Path) -> None:
    run(model_path, captured, "-o", "o.jsonl", "--sort-into", "links")
    run(model_path, captured, "--sort-into", "copies", "--copy")

    expected = collections.Counter(
        (row["verdict"], row["label"], Path(row["path"]).read_bytes())
        for row in rows("o.jsonl")
        if row["verdict"]
    )
    for folder in ("links", "copies"):
        files = [path for path in Path(folder).rglob("*") if not path.is_dir()]
        assert expected == collections.Counter(
            (*path.parts[1:3], path.read_bytes()) for path in files
        )
        assert {path.is_symlink() for path in files} == {folder == "links"}
    result = run(model_path, captured, "--sort-into", "links")
    assert (result.exit_code, "is not empty" in result.stderr) == (2, True)


def test_members_and_frames_are_sorted_as_files(
    model_path: Path, captured: Path, write_video: Callable[[Path, int], Path]
) -> None:
    shutil.make_archive("shift", "zip", captured)
    write_video(Path("v.avi"), 3)
    run(model_path, "shift.zip", "v.avi", "--sort-into", "sorted")
    files = [path for path in Path("sorted").rglob("*") if path.is_file()]
    assert len(files) == 36 + 3
    assert all(cv2.imread(str(path)) is not None for path in files)


def test_a_file_that_disappears_before_sorting_is_named(tmp_path: Path) -> None:
    row = {"verdict": "reject", "label": "../bad", "path": "gone.png"}
    outcome = ClassifiedInput(InputImage("gone.png", tmp_path / "gone.png"), row)
    with pytest.raises(ImageError, match="cannot be read"):
        SortInto(tmp_path / "sorted", copy=True)(outcome)
    SortInto(tmp_path / "sorted")(outcome)
    (link,) = (tmp_path / "sorted" / "reject" / "_bad").iterdir()
    assert link.is_symlink()


def test_the_contact_sheet_shows_the_worst_first(tmp_path: Path) -> None:
    point = OperatingPoint(("good",), accept_above=0.9, reject_below=0.4)
    sheet = ContactSheet(tmp_path / "sheet.html", point, shown=3)
    image_bgr = np.zeros((600, 300, 3), np.uint8)
    for number, good in enumerate([0.3, 0.95, 0.1, 0.6, 0.2, 0.1]):
        name, verdict = f"<{number}>.png", "accept" if good > 0.9 else "reject"
        row = {"scores": {"good": good, "bad": 1 - good}, "verdict": verdict, "model": "f" * 64}
        sheet(ClassifiedInput(InputImage(name, image_bgr), row))
    sheet(ClassifiedInput(Unreadable("folder", "why"), {"verdict": None, "model": "f" * 64}))
    sheet.write()

    page = (tmp_path / "sheet.html").read_text()
    assert re.findall(r'alt="&lt;(\d)&gt;.png"', page) == ["2", "5", "4"]
    assert "Not accepted: 3 of 5" in page
    assert "bad 0.900, good 0.100" in page
    (data, *_) = re.findall(r"base64,([^\"]+)", page)
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (240, 120, 3)


def test_the_contact_sheet_of_a_resumed_run_is_complete(model_path: Path, captured: Path) -> None:
    asked, whole = asked_of(model_path, captured)
    options = ("--accept-above", "1", "--reject-below", "1", "--contact-sheet")
    run(model_path, captured, "-o", "o.jsonl", *options, "whole.html")
    asked = {**asked, "accept_above": 1.0, "reject_below": 1.0}
    begun(Path("p.jsonl"), Path("o.jsonl").read_bytes(), asked, len(whole) // 2)
    run(model_path, captured, "-o", "p.jsonl", "--resume", *options, "resumed.html")
    assert Path("resumed.html").read_bytes() == Path("whole.html").read_bytes()
    assert Path("whole.html").read_text().count("<figure") == 36


def test_an_output_table_and_a_pipe_are_lists_of_inputs(model_path: Path, captured: Path) -> None:
    run(model_path, captured, "-o", "o.csv")
    with open("o.csv", newline="") as stream:
        paths = [row["path"] for row in csv.DictReader(stream)]

    by_table = run(model_path, "o.csv", "--quiet")
    by_pipe = run(model_path, "-", "--quiet", stdin="\n".join(paths).encode())

    assert by_table.stdout == by_pipe.stdout
    assert [json.loads(line)["path"] for line in by_pipe.stdout.splitlines()] == paths


def test_a_summary_unless_quiet(model_path: Path, captured: Path) -> None:
    message = run(model_path, captured, "-o", "o.jsonl").stderr
    assert "failed                       4   10.00%" in message
    assert "40 pictures in " in message
    quiet = run(model_path, captured / "01.png", "-o", "p.jsonl", "--quiet").stderr
    # Without the advice to install another runtime.
    assert [line for line in quiet.splitlines() if "pip install ai-edge-litert" not in line] == []


def test_the_rate_counts_only_inputs_of_this_run() -> None:
    seconds = iter([10.0, 14.0, 14.0])
    summary = Summary(lambda: next(seconds))
    row = {"error": None, "verdict": "accept", "label": "good"}
    for number in range(10):
        summary.add(row, classified_now=number >= 2)
    assert summary.text().endswith("10 pictures, 8 of them now, in 4.0 s (2.0/s)")


def begun(output: Path, undisturbed: bytes, asked: dict[str, Any], size: int) -> None:
    """Stop a run after this number of bytes of rows."""
    spool_path(output).write_bytes(json.dumps(asked).encode() + b"\n" + undisturbed[:size])


def asked_of(model_path: Path, captured: Path) -> tuple[dict[str, Any], bytes]:
    """The settings and rows in the spool file."""
    run(model_path, captured, "-o", "whole.jsonl")
    seen: list[dict[str, Any]] = []
    entered = Spool.__init__

    def noting(self: Spool, output: Path, asked: Any, *, resume: bool) -> None:
        seen.append(dict(asked))
        entered(self, output, asked, resume=resume)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Spool, "__init__", noting)
        run(model_path, captured, "-o", "whole.jsonl")
    return seen[0], Path("whole.jsonl").read_bytes()


def test_a_run_is_resumed_after_any_number_of_rows(model_path: Path, captured: Path) -> None:
    asked, whole = asked_of(model_path, captured)
    line = whole.index(b"\n") + 1
    for size in [0, 1, line - 1, line, line + 1, len(whole) // 2, len(whole) - 1, len(whole)]:
        output = Path(f"at-{size}.jsonl")
        begun(output, whole, asked, size)

        result = run(model_path, captured, "-o", output, "--resume")

        assert (result.exit_code, output.read_bytes()) == (3, whole)
        assert not spool_path(output).exists()
        left = 40 - whole[:size].count(10)
        now = "" if left == 40 else f", {left} of them now,"
        assert f"40 pictures{now} in " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Continue it with --resume"),
        (["--resume", "--reject-below", "0.1"], "run with other settings"),
        (["--resume", "--details"], "run with other settings"),
    ],
)
def test_a_stopped_run_is_not_overwritten(
    model_path: Path, captured: Path, arguments: list[str], message: str
) -> None:
    asked, whole = asked_of(model_path, captured)
    begun(Path("o.jsonl"), whole, asked, len(whole) // 2)
    before = spool_path(Path("o.jsonl")).read_bytes()

    result = run(model_path, captured, "-o", "o.jsonl", *arguments)

    assert result.exit_code == 1
    assert message in result.stderr
    assert before.startswith(spool_path(Path("o.jsonl")).read_bytes())
    assert not Path("o.jsonl").exists()


def test_other_inputs_are_not_mixed_with_those_of_an_interrupted_run(
    model_path: Path, captured: Path
) -> None:
    asked, whole = asked_of(model_path, captured)
    begun(Path("o.jsonl"), whole, asked, len(whole) // 2)
    (captured / "000.png").write_bytes(b"new")
    result = run(model_path, captured, "-o", "o.jsonl", "--resume")
    assert result.exit_code == 1
    assert "expected 'captured/01.png', received 'captured/000.png'" in result.stderr


def test_two_runs_do_not_write_to_one_file(model_path: Path, captured: Path) -> None:
    with Spool(Path("o.jsonl"), {}, resume=False):
        result = run(model_path, captured, "-o", "o.jsonl", "--resume")
    assert result.exit_code == 1
    assert "being written by another run" in result.stderr


def test_an_interrupted_run_names_the_resume_option(
    model_path: Path, captured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Spool.write

    def interrupted(self: Spool, row: Any) -> None:
        written(self, row)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "write", interrupted)
        result = run(model_path, captured, "-o", "o.jsonl")
    assert "the same command with --resume continues" in result.stderr
    assert "39 of them" in run(model_path, captured, "-o", "o.jsonl", "--resume").stderr


def test_a_complete_file_has_nothing_to_resume(model_path: Path, captured: Path) -> None:
    run(model_path, captured, "-o", "o.jsonl")
    before = os.stat("o.jsonl")
    result = run(model_path, captured, "-o", "o.jsonl", "--resume")
    assert (result.exit_code, os.stat("o.jsonl")) == (0, before)
    assert "nothing to resume" in result.stderr


def test_a_run_without_rows_leaves_no_file(model_path: Path, tmp_path: Path) -> None:
    Path("empty").mkdir()
    before = sorted(tmp_path.iterdir())
    result = run(model_path, "empty", "-o", "o.jsonl")
    assert (result.exit_code, "no pictures in" in result.stderr) == (1, True)
    assert sorted(tmp_path.iterdir()) == before


def command(model_path: Path, captured: Path, *more: str) -> list[str]:
    parts = ["-m", "partsight", "classify", str(model_path), str(captured), "-o", "o.csv", *more]
    return [sys.executable, *parts]


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_repeated_kills_give_the_same_rows(
    model_path: Path, captured: Path, run_partsight: Callable
) -> None:
    """``kill -9`` in the middle, until a run comes to its end."""
    for number in range(40, 300):
        os.link(captured / f"{number % 40:02}.png", captured / f"{number}.png")
    assert run(model_path, captured, "-o", "whole.csv").exit_code == 3
    spool, kills = spool_path(Path("o.csv")), 0
    while not Path("o.csv").exists():
        before = lines_of(spool)
        with subprocess.Popen(
            command(model_path, captured, "--resume"), stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None and lines_of(spool) < before + 70:
                time.sleep(0.002)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1

    assert kills >= 3
    assert Path("o.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_a_full_disk_is_reported_in_one_line_and_the_run_can_be_resumed(
    model_path: Path, captured: Path
) -> None:
    """A limit on the file size acts like a full disk."""

    def small() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    assert run(model_path, captured, "-o", "whole.csv").exit_code == 3

    full = subprocess.run(
        command(model_path, captured), preexec_fn=small, capture_output=True, text=True
    )

    assert full.returncode == 1
    assert "--resume keeps the rows" in full.stderr.splitlines()[-1]
    assert spool_path(Path("o.csv")).stat().st_size == 4000
    assert run(model_path, captured, "-o", "o.csv", "--resume").exit_code == 3
    assert Path("o.csv").read_bytes() == Path("whole.csv").read_bytes()
