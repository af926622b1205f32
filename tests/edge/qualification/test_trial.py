"""A new model file is tried in a child process."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from partsight.errors import EnvironmentFault, ModelError
from partsight.inference.runtimes import Runtime, choose_runtime
from partsight.model.file import ModelFile, load_model_file
from partsight.qualification.trial import require_sound

HERE = choose_runtime()
# Never loaded: the trial process is a fake.
OTHER = Runtime("other", "numpy", "numpy")


def child(code: str, *, ready: bool = True) -> tuple[str, ...]:
    """A fake of the trial process."""
    say_ready = "sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.buffer.read(); "
    return (sys.executable, "-c", f"import os, signal, sys; {say_ready if ready else ''}{code}")


PASS = child("pass")
CRASH = child("os.kill(os.getpid(), signal.SIGSEGV)")
HANG = child("import time; time.sleep(60)")
REFUSE = child("sys.stdout.write('no such operator'); sys.exit(3)")
HOG = (
    sys.executable,
    "-c",
    "import numpy, partsight.qualification.trial_process as trial\n"
    "trial.Interpreter = lambda data, options: numpy.ones(1 << 31, numpy.uint8)\n"
    "import sys; trial.main(sys.argv[1])",
)


@pytest.fixture(autouse=True)
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("partsight.qualification.trial._TIMEOUT_S", 5.0)
    return tmp_path / "cache" / "trials"


@pytest.fixture
def file(contract, model_path: Path) -> ModelFile:
    return ModelFile(model_path.read_bytes(), "a" * 64, contract)


def test_a_model_is_tried_three_times(file: ModelFile, tmp_path: Path, three_trials: None) -> None:
    count = tmp_path / "count"
    require_sound(file, HERE, child(f"open({str(count)!r}, 'a').write('x')"))
    assert count.read_text() == "xxx"


def test_a_passed_model_is_not_tried_again(file: ModelFile, marks: Path) -> None:
    require_sound(file, HERE, PASS)
    (mark,) = marks.iterdir()
    assert mark.name.startswith(f"{'a' * 64}-{HERE.name}-{HERE.version}-")
    require_sound(file, HERE, CRASH)


@pytest.mark.parametrize("change", ["model", "runtime"])
def test_another_model_or_runtime_is_tried(file: ModelFile, change: str) -> None:
    require_sound(file, HERE, PASS)
    other, runtime = file, HERE
    if change == "model":
        other = ModelFile(file.data, "b" * 64, file.contract)
    else:
        runtime = OTHER
    with pytest.raises(ModelError, match="crashed with signal SIGSEGV"):
        require_sound(other, runtime, CRASH)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (CRASH, f"{HERE.distribution} .* crashed with signal SIGSEGV. Expected a file"),
        (REFUSE, "^no such operator$"),
        pytest.param(
            HOG,
            "(?i)memory|allocate",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux"),
        ),
    ],
)
def test_a_model_that_crashes_is_refused(
    file: ModelFile, marks: Path, command: tuple[str, ...], message: str
) -> None:
    for _ in range(2):
        with pytest.raises(ModelError, match=message):
            require_sound(file, HERE, command)
    assert not marks.exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param(child("1 / 0", ready=False), "status 1: ZeroDivisionError", id="before ready"),
        pytest.param(
            child("os.kill(os.getpid(), signal.SIGKILL)"), "SIGKILL. Free memory", id="killed"
        ),
        pytest.param(
            child("sys.stdout.write('no space left'); sys.exit(4)"), "no space left", id="says so"
        ),
        pytest.param(("/no/such/python", "-c", ""), "cannot start the process", id="no executable"),
    ],
)
def test_a_fault_of_the_machine_does_not_blame_the_model(
    file: ModelFile, marks: Path, command: tuple[str, ...], message: str
) -> None:
    with pytest.raises(EnvironmentFault, match=message):
        require_sound(file, HERE, command)
    assert not marks.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="memory files are Linux's")
def test_no_writable_temporary_folder_is_needed(model_path: Path) -> None:
    nowhere = {"TMPDIR": "/proc", "TEMP": "/proc", "TMP": "/proc"}
    code = f"""
import tempfile
tempfile.gettempdir = tempfile._get_default_tempdir = None
from partsight import Classifier
Classifier.load({str(model_path)!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **nowhere}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_file_that_is_not_a_flatbuffer_is_not_tried(file: ModelFile, marks: Path) -> None:
    broken = ModelFile(b"\xff" * 64, file.sha256, file.contract)
    with pytest.raises(ModelError, match="not a complete flatbuffer: 4 bytes at 4294967295"):
        require_sound(broken, HERE, PASS)
    assert not marks.exists()


def test_a_model_that_hangs_is_refused(file: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partsight.qualification.trial._TIMEOUT_S", 0.2)
    monkeypatch.setattr("partsight.qualification.trial._TIMEOUT_S_A_MIB", 0.0)
    with pytest.raises(ModelError, match="one image takes more than 0 s"):
        require_sound(file, HERE, HANG)


def test_without_a_cache_folder_a_model_is_tried_each_time(
    file: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").touch()
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path / "taken"))
    require_sound(file, HERE, PASS)
    with pytest.raises(ModelError, match="crashed"):
        require_sound(file, HERE, CRASH)


def test_a_missing_python_executable_is_reported(
    file: ModelFile, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "partsight"):
        require_sound(file, HERE, ("", "-m", "partsight.qualification.trial_process"))
    assert "loaded untried" in caplog.text


def test_the_shipped_model_passes_the_trial(model_path: Path, marks: Path) -> None:
    require_sound(load_model_file(model_path))
    assert len(list(marks.iterdir())) == 1


def test_an_account_without_a_home_uses_the_configured_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model_path: Path
) -> None:
    """Like a dynamic user of systemd, which has no entry in the user database."""

    def no_home(path: str) -> str:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("os.path.expanduser", no_home)
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path))
    require_sound(load_model_file(model_path))
    assert [path.parent.name for path in tmp_path.rglob("*-*")] == ["trials"]


def test_the_trial_process_imports_nothing_from_the_current_folder(
    tmp_path: Path, model_path: Path
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('taken from the current folder')")
    code = f"""
from partsight.qualification.trial import require_sound
from partsight.model.file import load_model_file
require_sound(load_model_file({str(model_path)!r}))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PARTSIGHT_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
