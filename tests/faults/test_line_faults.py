"""The whole line as a process of its own, with its configuration, and what befalls it.

Each line watches a folder, so that a test says when a part comes; all else is real.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.servers.process import DEADLINE_S, until

from partsight.errors import JournalError
from partsight.journal import read_events, read_rows, verify
from partsight.model.file import attach_contract, load_model_file
from partsight.model.zip_tail import read_member

CONFIG = """
[source]
address = "belt"
[source.folder]
watch = true
poll_s = 0.01
[journal]
path = "journal.db"
[pictures]
folder = "pictures"
min_free_bytes = 1
[health]
enabled = false
"""


class Line:
    """A running `partsight watch`, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.parts = self.starts = 0
        (folder / "belt").mkdir()

    def configure(self, text: str = "", base: str = CONFIG) -> None:
        (self.folder / "partsight.toml").write_text(base + text)

    def start(self, *arguments: object, **environ: str) -> None:
        command = [sys.executable, "-m", "partsight", "watch", *map(str, arguments)]
        self.process = subprocess.Popen(
            [*command, "--config", str(self.folder / "partsight.toml")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        self.starts += 1
        until(self._runs, "the line runs")

    def _runs(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.process.communicate()
        try:
            events = list(read_events(self.folder / "journal.db"))
        except JournalError:  # it is only just being made
            return False
        started = [place for place, event in enumerate(events) if event["kind"] == "started"]
        running = {"part": "source", "state": "running", "detail": ""}
        since = events[started[-1] :] if len(started) == self.starts else []
        return any(event["detail"] == running for event in since)

    def part(self, brightness: int = 128) -> None:
        """Put a part on the belt: whole at once, as a camera's program should."""
        self.parts += 1
        # No two alike, and none flat: neither would be inspected.
        grain = np.random.default_rng(self.parts).integers(-40, 41, (16, 16, 3))
        grain = cv2.resize(brightness + grain.astype(np.float32), (64, 64))
        picture = np.clip(grain, 0, 255).astype(np.uint8)
        path = self.folder / f"{self.parts}.png"
        assert cv2.imwrite(str(path), picture)
        path.rename(self.folder / "belt" / path.name)

    def parts_judged(self, count: int) -> list[dict[str, Any]]:
        until(lambda: len(self.rows()) >= count, f"{count} verdicts")
        return self.rows()

    def rows(self) -> list[dict[str, Any]]:
        return list(read_rows(self.folder / "journal.db"))

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [each["detail"] for each in read_events(self.folder / "journal.db", kind=kind)]

    def states(self) -> dict[str, str]:
        return {event["part"]: event["state"] for event in self.events("state")}

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and the text on stderr."""
        assert self.process is not None
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, said


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path)
    line.configure()
    yield line
    if line.process is not None and line.process.poll() is None:
        line.process.kill()
        line.process.communicate()


def test_sigterm_ends_the_line_after_the_current_part(line: Line, model_path: Path) -> None:
    line.configure('[[sinks]]\nkind = "jsonl"\npath = "out.jsonl"\nstart = "beginning"\n')
    line.start(model_path)
    for _ in range(3):
        line.part()
    rows = line.parts_judged(3)
    code, said = line.end()

    assert (code, "accept" in said or "reject" in said) == (0, True), said
    assert line.events("stopped") == [{"why": "asked to"}]
    delivered = [json.loads(text) for text in (line.folder / "out.jsonl").read_text().splitlines()]
    assert [row["id"] for row in delivered] == [row["id"] for row in rows]
    kept = [row["picture"] for row in rows if row["verdict"] != "accept"]
    assert all((line.folder / "pictures" / picture).is_file() for picture in kept)
    verify(line.folder / "journal.db")


def test_thresholds_of_the_configuration_are_journalled_and_reloaded(
    line: Line, model_path: Path
) -> None:
    line.configure("[decision]\naccept_above = 1.0\nreject_below = 0.0\n")
    line.start(model_path)
    line.part()
    assert line.parts_judged(1)[0]["verdict"] == "review"
    (begun,) = line.events("started")
    assert (begun["accept_above"], begun["reject_below"]) == (1.0, 0.0)
    assert begun["of_the_model"]["reject_below"] == 0.5

    line.configure("[decision]\naccept_above = 1.0\nreject_below = 1.0\n")
    assert line.process is not None
    line.process.send_signal(signal.SIGHUP)
    until(lambda: line.events("reload"), "the configuration is read again")
    line.part()
    assert line.parts_judged(2)[1]["verdict"] == "reject"
    (reload,) = line.events("reload")
    assert [each["key"] for each in reload["taken_over"]] == ["decision.reject_below"]
    line.configure("[decision]\naccept_above = 1.0\nreject_below = 0.0\n")
    line.process.send_signal(signal.SIGHUP)
    until(lambda: len(line.events("reload")) == 2, "the configuration is put back")
    line.part()
    assert line.parts_judged(3)[2]["verdict"] == "review"
    (change,) = line.events("reload")[1]["taken_over"]
    assert (change["before"], change["now"]) == (1.0, 0.0)
    assert line.end()[0] == 0


def test_alarms_are_reloaded_and_drift_reports_its_progress(line: Line, model_path: Path) -> None:
    decision = "[decision]\naccept_above = 1.0\nreject_below = 1.0\n"
    line.configure(decision)
    line.start(model_path)
    assert line.states()["drift"] == "learning"
    line.part()
    line.part()
    line.parts_judged(2)
    line.configure(decision + "[alarms]\nrejects_in_a_row = 3\n")
    assert line.process is not None
    line.process.send_signal(signal.SIGHUP)
    until(lambda: line.events("reload"), "the configuration is read again")
    (reload,) = line.events("reload")
    assert [each["key"] for each in reload["taken_over"]] == ["alarms.rejects_in_a_row"]
    line.part()
    line.parts_judged(3)
    until(lambda: line.states().get("alarm rejects-in-a-row") == "raised", "the alarm is raised")
    code, said = line.end()
    assert code == 0, said
    assert "alarm rejects-in-a-row is raised: 3 parts in a row rejected" in said
    assert said.count("no drift reference") == 1


def test_settings_that_need_a_restart_are_reported_until_then(line: Line, model_path: Path) -> None:
    line.start(model_path)
    assert line.process is not None
    for number, text in enumerate(("[drift]\nsubgroup = 99\n", "[decision]\nvotes = 1\n", ""), 1):
        line.configure(text + ("[drift]\nsubgroup = 99\n" if number == 2 else ""))
        line.process.send_signal(signal.SIGHUP)
        until(lambda number=number: len(line.events("reload")) == number, "it is read again")
    needed = [
        [each["key"] for each in reported["needs_restart"]] for reported in line.events("reload")
    ]
    assert needed == [["drift.subgroup"], ["drift.subgroup"], []]
    assert all(reported["taken_over"] == [] for reported in line.events("reload"))
    assert line.states()["configuration"] == "active"
    assert line.end()[0] == 0


def test_an_invalid_configuration_is_refused_and_the_old_one_stays(
    line: Line, model_path: Path
) -> None:
    line.start(model_path)
    line.configure("[desicion]\naccept_above = 1.0\n")
    assert line.process is not None
    line.process.send_signal(signal.SIGHUP)
    until(lambda: line.events("reload"), "the configuration is refused")
    line.part()
    line.parts_judged(1)
    assert "Did you mean decision" in line.events("reload")[0]["refused"]
    assert line.states()["configuration"] == "refused"
    assert line.end()[0] == 0


def test_votes_that_need_a_restart_of_source_or_trigger_are_refused_before(
    line: Line, model_path: Path
) -> None:
    """With the folder that is still watched, the votes would be those of other parts."""
    line.start(model_path)
    line.configure("[decision]\nvotes = 1\nwindow = 3\n", base="[source]\naddress = '0'\n")
    assert line.process is not None
    line.process.send_signal(signal.SIGHUP)
    until(lambda: line.events("reload"), "the configuration is refused")
    assert "decision.window has no effect" in line.events("reload")[0]["refused"]
    line.part()
    assert "vote accept" not in line.parts_judged(1)[0]["reason"]
    assert line.end()[0] == 0


def test_a_part_that_cannot_be_inspected_is_rejected_and_saved(
    line: Line, model_path: Path
) -> None:
    line.start(model_path)
    (line.folder / "broken.png").write_bytes(b"no picture")
    (line.folder / "broken.png").rename(line.folder / "belt" / "broken.png")
    (row,) = line.parts_judged(1)
    line.part()
    assert len(line.parts_judged(2)) == 2
    code, said = line.end()
    assert (row["verdict"], row["label"]) == ("reject", None)
    assert "broken.png" in row["source"]
    assert row["error"]
    assert (code, "1 of 2 inputs failed" in said) == (3, True), said


def test_a_taken_port_does_not_stop_inspection(line: Line, model_path: Path) -> None:
    """Nor does systemd wait in vain for word from it, and start it again and again."""
    manager = line.folder / "notify"
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(str(manager))
        systemd.settimeout(DEADLINE_S)
        port = other.getsockname()[1]
        line.configure(base=CONFIG.replace("enabled = false", f"port = {port}"))
        line.start(model_path, NOTIFY_SOCKET=str(manager))
        assert systemd.recv(4096).startswith(b"READY=1")
        line.part()
        line.parts_judged(1)
        assert line.states()["health"] == "failing"
        assert line.end()[0] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[sinks]]\nkind = "stdout"\n', "[[sinks]] need a journal"),
        ("[decision]\nreject_below = 0.9\n", "thresholds do not fit together"),
        ('[decision]\nfail_safe = "accept"\n', "decision.fail_safe"),
        ("[source]\naddres = '0'\n", "Did you mean address"),
    ],
)
def test_contradictory_settings_are_reported_in_one_line(
    text: str, message: str, line: Line, model_path: Path
) -> None:
    line.configure(text, base="")
    done = subprocess.run(
        [sys.executable, "-m", "partsight", "watch", model_path, "--source", line.folder / "belt"]
        + ["--config", line.folder / "partsight.toml"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 1, done
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_new_model_is_swapped_in_between_two_parts(line: Line, model_path: Path) -> None:
    old = load_model_file(model_path)
    size = json.loads(_contract_text(old.data))["model_bytes"]
    store = line.folder / "models"
    base = CONFIG + '[models]\nstore = "models"\nrequire_golden = false\ninterval_s = 0.05\n'
    line.configure(base=base)
    activated = subprocess.run(
        [sys.executable, "-m", "partsight", "model", "activate", model_path]
        + ["--config", line.folder / "partsight.toml"],
        capture_output=True,
        text=True,
        timeout=4 * DEADLINE_S,
    )
    assert activated.returncode == 0, activated
    line.start()
    line.part()
    line.parts_judged(1)

    point = dataclasses.replace(old.contract.operating_point, accept_above=1.0, reject_below=0.0)
    contract = dataclasses.replace(old.contract, operating_point=point, golden=())
    new = attach_contract(old.data[:size], contract)
    (line.folder / "new.tflite").write_bytes(new)
    (line.folder / "new.tflite").rename(store / "incoming" / "new.tflite")
    while not line.events("model"):
        line.part()
        line.parts_judged(line.parts)
    until(lambda: _inspected_by(line, 2), "a part is inspected by the new model")
    rows = line.rows()
    assert len(rows) == line.parts
    assert rows[-1]["verdict"] == "review"
    assert line.events("model")[0]["outcome"] == "activated"

    point = dataclasses.replace(point, accept_labels=("good",))
    other = dataclasses.replace(contract, labels=("bad", "good"), operating_point=point)
    (line.folder / "bad.tflite").write_bytes(attach_contract(old.data[:size], other))
    (line.folder / "bad.tflite").rename(store / "incoming" / "bad.tflite")
    until(lambda: len(line.events("model")) == 2, "a model of other labels is refused")
    line.part()
    assert line.parts_judged(line.parts)[-1]["model"] == rows[-1]["model"]
    assert line.events("model")[1]["outcome"] == "refused"
    assert line.end()[0] == 0


def test_a_shadow_model_has_no_say(line: Line, model_path: Path, make_model: Callable) -> None:
    point = load_model_file(model_path).contract.operating_point
    strict = dataclasses.replace(point, accept_above=1.0, reject_below=1.0)
    (line.folder / "second.tflite").write_bytes(make_model("second", operating_point=strict))
    line.configure(
        '[shadow]\nmodel = "second.tflite"\n[decision]\naccept_above = 0.0\nreject_below = 0.0\n'
    )
    line.start(model_path)
    for number in range(1, 4):
        line.part()
        until(lambda number=number: len(line.events("shadow")) == number, "the shadow inspects")
    assert {row["verdict"] for row in line.rows()} == {"accept"}
    assert {event["shadow_verdict"] for event in line.events("shadow")} == {"reject"}
    assert line.end()[0] == 0
    report = subprocess.run(
        [sys.executable, "-m", "partsight", "model", "shadow-report", line.folder / "journal.db"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert report.returncode == 0, report
    assert "0 of 3 verdicts agree" in report.stdout


def _inspected_by(line: Line, models: int) -> bool:
    line.part()
    return len({row["model"] for row in line.parts_judged(line.parts)}) == models


def _contract_text(data: bytes) -> bytes:
    return read_member(data, "partsight.json", 1 << 20)


def test_kill_9_loses_no_announced_verdict(line: Line, model_path: Path) -> None:
    """Repeatedly: verdicts printed on stdout are in the journal, and the line starts again."""
    reported: list[str] = []
    for _ in range(3):
        line.start(model_path)
        process = line.process
        assert process is not None
        assert process.stdout is not None
        for _ in range(3):
            line.part()
        reported += [json.loads(process.stdout.readline())["id"] for _ in range(2)]
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        shutil.rmtree(line.folder / "belt")
        (line.folder / "belt").mkdir()
    journalled = [row["id"] for row in line.rows()]
    assert set(reported) <= set(journalled)
    assert len(set(journalled)) == len(journalled)
    verify(line.folder / "journal.db")
