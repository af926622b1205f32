"""Whatever a library or a user says, no boundary lets a secret through."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner

from partsight.batch.ray_engine import stores
from partsight.cli.console import RedactingFormatter, redact_errors
from partsight.cli.main import main
from partsight.errors import PartsightError
from partsight.journal import Journal, read_events, read_rows, verify
from partsight.records import ImageResult, PartResult, Verdict
from partsight.telemetry.telemetry import State, Telemetry
from partsight.utils.known_secrets import remember_variable, without_secrets
from partsight.utils.process_arguments import without_secrets_padded
from partsight.utils.redaction import remember_secret

_QUOTING = (
    "rtsp://op:hunter2@cam/live",
    "http://cam/snap?user=op&pwd=hunter2",
    "rtsp://cam/user=op_password=hunter2_channel=1.sdp",
    "HTTPConnectionPool: Max retries exceeded with url: /hook?token=hunter2 (Caused by x)",
    "Authorization: Basic aHVudGVyMg==",
    "password=hunter2",
    "it said remembered1",
)
_SECRETS = ("hunter2", "aHVudGVyMg", "remembered1")


def _seen(text: object) -> list[str]:
    return [secret for secret in _SECRETS if secret in str(text)]


@pytest.fixture(autouse=True)
def _remembered() -> None:
    remember_secret("remembered1")


@pytest.mark.parametrize("quoting", _QUOTING)
def test_a_state_and_all_who_are_told_of_it(quoting: str, caplog: pytest.LogCaptureFixture) -> None:
    telemetry, told = Telemetry(), []
    telemetry.on_change(lambda part, state: told.append((part, state)))
    telemetry.state("source", "disconnected", f"it failed: {quoting}")
    telemetry.state("source", "disconnected", f"it failed again: {quoting}")
    assert isinstance(told[0][1], State)
    assert _seen([told, telemetry.status(), telemetry.states(), caplog.text]) == []
    assert "it failed again" in telemetry.states()["source"].detail


@pytest.mark.parametrize("quoting", _QUOTING)
def test_rows_and_events_of_the_journal(
    quoting: str, tmp_path: Path, make_result: Callable[..., PartResult]
) -> None:
    row = {**make_result().row(), "source": quoting, "reason": quoting, "error": quoting}
    with Journal(tmp_path / "j.db") as journal:
        journal.append(row)
        journal.event("started", {"source": quoting, "inner": [{"detail": quoting}]})
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert _seen(files.decode("latin-1")) == []
    assert _seen(make_result(source=quoting, reason=quoting, error=quoting).row()) == []
    assert _seen(ImageResult("a.png", "f" * 64, error=quoting).row()) == []


def test_an_older_journal_is_read_without_its_secrets_and_still_verified(
    tmp_path: Path, make_result: Callable[..., PartResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "rtsp://op:hu#nter2@cam/live"
    row = {**make_result().row(), "source": address, "error": address}
    with monkeypatch.context() as before:
        before.setattr("partsight.journal.schema.redact_values", lambda value: value)
        with Journal(tmp_path / "j.db") as journal:
            journal.append(row)
            journal.event("started", {"source": address})
    assert "nter2" in (tmp_path / "j.db").read_bytes().decode("latin-1")
    rows, events = list(read_rows(tmp_path / "j.db")), list(read_events(tmp_path / "j.db"))
    assert "nter2" not in str([rows, events])
    verify(tmp_path / "j.db")
    for words in (["query"], ["export", "-o", str(tmp_path / "out.csv")]):
        result = CliRunner().invoke(main, ["journal", words[0], str(tmp_path / "j.db"), *words[1:]])
        assert "nter2" not in result.output
    assert not (tmp_path / "out.csv").exists() or "nter2" not in (tmp_path / "out.csv").read_text()


@pytest.fixture
def make_result() -> Callable[..., PartResult]:
    """The outcome for a part; what it says of its source may be given."""

    def make(source: str = "cam", **fields: str) -> PartResult:
        when = datetime(2024, 5, 6, tzinfo=timezone.utc)
        said = {"reason": "accept", **fields}
        return PartResult("i" * 36, when, source, 0, "f" * 64, Verdict.REVIEW, 1.0, **said)

    return make


@pytest.mark.parametrize("quoting", _QUOTING)
def test_a_log_with_its_traceback(quoting: str) -> None:
    try:
        raise OSError(quoting)
    except OSError:
        record = logging.LogRecord("x", 40, "f", 1, "at %s", (quoting,), sys.exc_info())
    text = RedactingFormatter("partsight: %(message)s").format(record)
    assert "Traceback" in text
    assert _seen(text) == []


def test_a_traceback_of_an_error_that_nobody_catches(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    redact_errors()

    def fail() -> None:
        try:
            raise OSError("remembered1")
        except OSError as error:
            raise ValueError(_QUOTING[0]) from error

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    said = capsys.readouterr().err
    assert said.count("Traceback") == 4
    assert _seen(said) == []


@pytest.mark.parametrize(
    "words",
    [
        ["watch", "model.tflite", "--source"],
        ["classify", "model.tflite", "rtsp://op:hunter2@cam/a", "-o"],
        ["evaluate", "model.tflite", "rtsp://op:hunter2@cam/a", "rtsp://op:hunter2@cam/b"],
        ["classify", "rtsp://op:hunter2@cam/a", "b"],
        ["config", "show", "rtsp://op:hunter2@cam/a"],
        ["rtsp://op:hunter2@cam/a"],
        ["watch", "--max-frames", "http://cam/?pwd=hunter2", "m"],
        ["capture", "--source", "0", "--label", "rtsp://op:hunter2@cam", "d"],
        ["inspect", "https://host/hunter2?token=hunter2"],
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_usage_errors_do_not_quote_a_secret(words: list[str], debug: bool) -> None:
    result = CliRunner().invoke(main, [*(["--debug"] if debug else []), *words])
    assert result.exit_code != 0
    output = result.output.replace("host/hunter2", "")  # a plain path cannot be told from a secret
    assert _seen(output) == []


def test_a_failing_command_shows_no_secret_in_its_traceback(tmp_path: Path) -> None:
    words = ["--debug", "capture", "--source", "file:///none?pwd=hunter2", "--label", "a", "d"]
    done = subprocess.run(
        [sys.executable, "-m", "partsight", *words], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("mode", "after"),
    [(None, 0o640), (0o666, 0o640), (0o644, 0o640), (0o600, 0o600), (0o660, 0o640)],
)
def test_only_owner_and_group_read_the_journal(
    mode: int | None, after: int, tmp_path: Path, make_result: Callable[..., PartResult]
) -> None:
    path = tmp_path / "j.db"
    before = os.umask(0)
    try:
        if mode is not None:
            Journal(path).close()
            for each in tmp_path.iterdir():
                each.chmod(mode)
        with Journal(path) as journal:
            journal.append(make_result().row())
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"j.db", "j.db-wal", "j.db-shm", "j.db.lock"} <= modes.keys()
    assert {mode for name, mode in modes.items() if not name.endswith("-shm")} == {after}
    assert modes["j.db-shm"] & 0o007 == 0


def test_a_mode_that_cannot_be_changed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "j.db"
    Journal(path).close()
    path.chmod(0o644)

    def refuse(self: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with Journal(path):
        pass
    assert f"all users of this device may read {path}" in caplog.text


def test_a_damaged_journal_that_is_moved_aside_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.write_bytes(b"no database, and long enough to be looked at " * 100)
    path.chmod(0o644)
    with Journal(path), sqlite3.connect(path):
        pass
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) & 0o007 for each in tmp_path.iterdir()}
    assert len([name for name in modes if "damaged" in name]) == 1
    assert set(modes.values()) == {0}


def test_child_processes_get_no_variable_that_holds_a_secret() -> None:
    remember_variable("LINE_PW")
    environ = {
        "LINE_PW": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "MQTT_PASSWORD": "x",
        "GITHUB_TOKEN": "x",
        "PATH": "/bin",
        "PARTSIGHT_PUBLIC_KEY": "key.pub",
        "XDG_CACHE_HOME": "c",
    }
    assert without_secrets(environ).keys() == {"PATH", "PARTSIGHT_PUBLIC_KEY", "XDG_CACHE_HOME"}


@pytest.mark.parametrize(
    "argument",
    [b"rtsp://op:hunter2@cam/a", b"--source=http://cam/?pwd=hunter2", b"s3://K:a/hunter2@bucket"],
)
def test_arguments_of_this_process_keep_their_length(argument: bytes) -> None:
    hidden = without_secrets_padded(argument)
    assert len(hidden) == len(argument)
    assert b"hunter2" not in hidden
    assert without_secrets_padded(b"/data/a:b@c.mp4") == b"/data/a:b@c.mp4"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows them in /proc")
def test_ps_shows_no_password_of_a_running_command(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from partsight.cli.main import main\n"
        "main(['config', 'reference'], standalone_mode=False)\n"
        "sys.stderr.write(pathlib.Path('/proc/self/cmdline').read_text())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--source", "rtsp://op:hunter2@cam/live"],
        capture_output=True,
        text=True,
    )
    assert "rtsp://***@cam/live" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("s3://KEY:hunter2@bucket/parts?region=eu", "s3://bucket/parts"),
        ("s3://KEY:a/hunter2@bucket/parts", "s3://***@bucket/parts"),
        ("s3://KEY:a[hunter2@bucket/parts", "s3://***@bucket/parts"),
        ("s3://KEY:a#hunter2@bucket/parts", "s3://***@bucket/parts"),
        ("s3://bucket/line=3/shot@2/a", "s3://bucket/line=3/shot@2/a"),
    ],
)
def test_a_store_of_pictures_is_named_without_its_keys(uri: str, named: str) -> None:
    assert stores.uri_without_keys(uri) == named
    with pytest.raises(PartsightError) as caught:
        stores.open_uri("none" + uri)  # which pyarrow does not know, or which is not installed
    assert _seen(caught.value) == []
