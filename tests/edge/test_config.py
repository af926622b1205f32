"""The device's configuration: strict, kept as people wrote it, and beaten by what is nearer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.config import ModelConfig, apply_config, read_config, save_choice
from partsight.errors import ConfigError, OutputError
from partsight.key_files import make_key_pair, read_private_key
from partsight.runtimes import RUNTIME_VARIABLE, THREADS_VARIABLE, runtimes
from partsight.signature import signed
from partsight.trust import PUBLIC_KEY_VARIABLE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "partsight.toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", None),
        ("[model]", None),
        ("[model]\nthreads = 2\nruntime = 'litert'\npublic_key = 'a.pub'", None),
        ("[model]\nthread = 2", "model.thread means nothing. Did you mean threads?"),
        ("[modell]\nthreads = 2", "modell means nothing. Did you mean model?"),
        ("threads = 2", "threads means nothing"),
        ("model = 3", "model: Input should be .* Received: 3"),
        ("[model]\nthreads = 0", "model.threads: Input should be greater than 0. Received: 0"),
        ("[model]\nthreads = 'x'\nruntime = 'torch'", "runtime: .*torch.*; model.threads: .*'x'"),
        ("[model", "cannot read the configuration .* Expected a text in TOML"),
        ("[model]\nthreads = 1\nthreads = 2", "cannot read the configuration"),
        ("\xff", "cannot read the configuration"),
    ],
)
def test_what_may_stand_in_it(text: str, message: str | None, path: Path) -> None:
    path.write_text(text, "latin-1")
    if message is None:
        read_config(path)
        return
    with pytest.raises(ConfigError, match=message) as refusal:
        read_config(path)
    assert "\n" not in str(refusal.value).replace(text, "")


def test_one_that_is_not_there(path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_config(path)


def test_every_key_is_described() -> None:
    assert all(field.description for field in ModelConfig.model_fields.values())


def test_the_environment_beats_the_file(path: Path) -> None:
    path.write_text("[model]\nthreads = 3\nruntime = 'litert'\npublic_key = 'keys/line.pub'")
    environ = {RUNTIME_VARIABLE: "tflite-runtime"}
    apply_config(path, environ)
    assert environ == {
        RUNTIME_VARIABLE: "tflite-runtime",
        THREADS_VARIABLE: "3",
        PUBLIC_KEY_VARIABLE: str(path.parent / "keys" / "line.pub"),
    }


@given(st.sampled_from(["litert", "tflite-runtime"]), st.integers(1, 64))
@settings(deadline=None)
def test_a_choice_is_saved_and_read(runtime: str, threads: int) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder, "new", "partsight.toml")
        save_choice(path, runtime, threads)
        assert read_config(path).model == ModelConfig(runtime=runtime, threads=threads)


def test_all_else_stays_as_people_wrote_it(path: Path) -> None:
    path.write_text(
        "# line 3\n\n[model]   # do not touch\npublic_key = 'a.pub' # ours\nthreads=9\n"
    )
    save_choice(path, "litert", 2)
    assert path.read_text() == (
        "# line 3\n\n[model]   # do not touch\npublic_key = 'a.pub' # ours\nthreads=2\n"
        'runtime = "litert"\n'
    )


def test_one_that_cannot_be_read_is_not_replaced(path: Path) -> None:
    path.write_text("[model")
    with pytest.raises(ConfigError):
        save_choice(path, "litert", 2)
    assert path.read_text() == "[model"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        save_choice(tmp_path / "file" / "partsight.toml", "litert", 2)


def partsight(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: a configuration becomes its environment."""
    names = (RUNTIME_VARIABLE, THREADS_VARIABLE, PUBLIC_KEY_VARIABLE)
    clean = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-m", "partsight", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**clean, **environ})


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    assert partsight("sample-data", tmp_path / "parts", "--per-label", 1).returncode == 0
    return tmp_path / "parts"


def test_a_configured_key_is_asked_of_every_model(
    path: Path, parts: Path, model_path: Path, tmp_path: Path
) -> None:
    make_key_pair(tmp_path / "line.key")
    path.write_text("[model]\npublic_key = 'line.key.pub'")
    approved = tmp_path / "approved.tflite"
    key = read_private_key(tmp_path / "line.key")
    approved.write_bytes(signed(model_path.read_bytes(), key, "it"))
    for command in (("classify", parts), ("evaluate", parts), ("watch", "--source", parts)):
        name, *rest = command
        refused = partsight(name, model_path, *rest, "--config", path)
        assert refused.returncode == 1, refused
        assert "runs signed models only" in refused.stderr
        assert partsight(name, approved, *rest, PARTSIGHT_CONFIG=str(path)).returncode == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [("[model]\nruntime = 'torch'", "is wrong: model.runtime"), (None, "No such file")],
)
def test_a_wrong_configuration_stops_all(
    text: str | None, message: str, path: Path, parts: Path, model_path: Path
) -> None:
    if text is not None:
        path.write_text(text)
    for environ, options in (({}, ["--config", path]), ({"PARTSIGHT_CONFIG": str(path)}, [])):
        done = partsight("classify", model_path, parts, *options, **environ)
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_configured_runtime_and_threads_are_used(
    path: Path, parts: Path, model_path: Path
) -> None:
    """Told apart by what fails: threads that are no number, a runtime that is not there."""
    path.write_text(f"[model]\nruntime = '{runtimes()[-1].name}'\nthreads = 2")
    rows = partsight("classify", model_path, parts, "--config", path)
    assert rows.returncode == 0, rows
    assert json.loads(rows.stdout.splitlines()[0])["error"] is None
    wrong = partsight("classify", model_path, parts, "--config", path, PARTSIGHT_THREADS="x")
    assert wrong.returncode == 2
    assert "'x' is not a valid integer range" in wrong.stderr
    missing = partsight("classify", model_path, parts, "--config", path, PARTSIGHT_RUNTIME="none")
    assert "PARTSIGHT_RUNTIME must be one of" in missing.stderr
