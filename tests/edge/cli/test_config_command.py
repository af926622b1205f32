"""``partsight config``."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from partsight.cli.main import main
from partsight.config.document import Config
from partsight.config.file import read_config
from partsight.config.location import (
    CONFIG_VARIABLE,
    PUBLIC_KEY_VARIABLE,
    RUNTIME_VARIABLE,
    THREADS_VARIABLE,
)
from partsight.config.settings import Setting
from partsight.deploy.preflight.paths import check_setting
from partsight.inference.runtimes import TFLITE_RUNTIME
from partsight.model.file import load_model_file
from partsight.model_store.activate import activate_model
from partsight.model_store.store import ModelStore, activated


@pytest.fixture(autouse=True)
def _no_other_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (CONFIG_VARIABLE, RUNTIME_VARIABLE, THREADS_VARIABLE, PUBLIC_KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    none = tmp_path / "none" / "partsight.toml"
    monkeypatch.setattr("partsight.config.location.SYSTEM_CONFIG", none)
    monkeypatch.setattr("partsight.cli.commands.config.SYSTEM_CONFIG", none)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "partsight.toml"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["config", *map(str, arguments)])


def test_init_writes_a_file_that_says_nothing(path: Path) -> None:
    assert invoke("init", path).exit_code == 0
    assert read_config(path) == Config()
    assert "#accept_above = 0" in path.read_text()


def test_init_replaces_nothing(path: Path) -> None:
    path.write_text("mine")
    refused = invoke("init", path)
    assert refused.exit_code == 1
    assert "is not replaced" in refused.stderr
    assert path.read_text() == "mine"
    assert invoke("init", path, "--force").exit_code == 0
    assert read_config(path) == Config()


@pytest.mark.parametrize(
    ("text", "exit_code", "message"),
    [
        ("[model]\nthreads = 2", 0, None),
        ("[model]\nthread = 2\n[decison]", 1,
         "model.thread is unknown. Did you mean threads?"),
        ("[models]\nmin_accuracy = 0.9", 1, "an acceptance set needs a score to reach"),
        ("[models]\nincoming = 'new'", 1, "models.incoming needs models.store"),
        ("[model]\npublic_key = 'lost.pub'", 1, "error: model.public_key: there is no"),
        ("[shadow]\nmodel = 'lost.tflite'", 1, "error: shadow.model: there is no"),
        ("[models]\nstore = 'models'", 0, "warning: models.store: no model is active in"),
        ("[source]\naddress = 'libcamera:0'", 1, "source.address: this source cannot be opened"),
        ("[source]\naddress = 'v4l2src ! appsink'", 1, "GStreamer pipelines are not read"),
        ("[source]\naddress = 'rtps://u:marker@h'", 1, "Did you mean rtsp://?"),
        ("[source]\naddress = 'gone.avi'", 1, "source.address: no source"),
        ("[source]\naddress = 'gone'\nfolder.watch = true", 0, "there is no folder"),
        ("[source]\naddress = 'partsight.toml'\nfolder.watch = true", 1, "cannot be watched"),
        ("[source]\naddress = '.'\nfolder.watch = true", 0, None),
        ("[source]\naddress = 'rtsp://h/x'", 0, None),
        ("[source]\naddress = '/dev/video77'", 0, "warning: source.address: there is no"),
        ("[source]\ncamera.fps = 0.5", 1, "stale_after_s must be above that"),
        (None, 1, "cannot read the configuration"),
    ],
)  # fmt: skip
def test_check(text: str | None, exit_code: int, message: str | None, path: Path) -> None:
    if text is not None:
        path.write_text(text)
    done = invoke("check", path)
    assert done.exit_code == exit_code, done.output
    assert (message or "") in done.stderr
    assert len(done.stderr.splitlines()) == (message is not None)
    assert ("is valid" in done.stdout) == (exit_code == 0)


def test_check_refuses_an_acceptance_set_that_is_not_there(path: Path) -> None:
    path.write_text("[models]\nstore = 'store'\nchallenge = 'lost'\nmin_accuracy = 0.9")
    done = invoke("check", path)
    assert done.exit_code == 1
    assert "error: models.challenge: there is no" in done.stderr


def test_check_looks_at_the_active_model(
    path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelStore(path.parent / "models")
    activate_model(store, load_model_file(model_path), 5)
    path.write_text("[models]\nstore = 'models'\n[decision]\naccept_above = 0.3")
    assert "reject_below to be at most decision.accept_above" in invoke("check", path).stderr
    path.write_text("[models]\nstore = 'models'\n[decision]\naccept_above = 0.9")
    assert invoke("check", path).stderr == ""
    store.model(activated(store)[0]).write_bytes(b"torn")
    assert "is damaged" in invoke("check", path).stderr


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("sinks[0].password_env", "MQTT_PASSWORD", "variable MQTT_PASSWORD is not set here"),
        ("sinks[0].password_env", "EMPTY", "variable EMPTY is not set here"),
        ("sinks[0].password_env", "THERE", None),
        ("sinks[0].password_env", None, None),
        ("sinks[0].ca_file", "lost.pem", "there is no"),
        ("sinks[0].ca_file", "here.pem", None),
        ("sinks[1].path", "new/folder/results.jsonl", None),
        ("source.address", "lost", None),
    ],
)
def test_keys_are_known_by_their_names(
    key: str, value: str | None, told: str | None, tmp_path: Path
) -> None:
    (tmp_path / "here.pem").touch()
    is_path = value is not None and key.endswith(("_file", "path"))
    setting = Setting(key, tmp_path / value if is_path and value else value, "file")
    found = [str(each) for each in check_setting(setting, {"THERE": "x", "EMPTY": ""})]
    assert [told in each for each in found if told] == [True] * (told is not None)
    assert len(found) == (told is not None)


def test_check_asks_whether_the_runtime_is_here(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("[model]\nruntime = 'litert'")
    runtimes = "partsight.inference.runtimes.runtimes"
    monkeypatch.setattr(runtimes, lambda: (TFLITE_RUNTIME,))
    assert "litert is not installed here. Run pip install" in invoke("check", path).stderr
    monkeypatch.setattr(runtimes, list)
    assert "no TFLite runtime is installed" in invoke("check", path).stderr


def test_the_minimal_file_is_short_and_valid_once_filled_in(path: Path) -> None:
    assert invoke("init", path, "--minimal").exit_code == 0
    text = path.read_text()
    assert len(text.splitlines()) <= 25
    config = read_config(path)
    assert (config.source.address, config.trigger.kind) == ("0", "presence")
    assert (config.models.store, config.journal.path) == (
        path.parent / "models",
        path.parent / "journal.db",
    )
    (path.parent / "parts").mkdir()
    cv2.imwrite(str(path.parent / "parts" / "part.png"), np.full((48, 64, 3), 120, np.uint8))
    path.write_text(text.replace('"0"', '"parts"').replace('"presence"', '"frame"'))
    done = invoke("check", path)
    assert (done.exit_code, done.stdout) == (0, f"{path} is valid, 1 warning\n"), done.output


def test_check_without_a_file_means_the_one_in_force(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("[modle]")
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))
    assert "Did you mean model" in invoke("check").stderr


def test_show_tells_values_and_where_they_come_from(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("[model]\nthreads = 2\nruntime = 'litert'\n[models]\nstore = 'models'")
    monkeypatch.setenv(THREADS_VARIABLE, "4")
    shown = invoke("show", path).stdout.splitlines()
    assert shown[0] == f"# {path}"
    assert 'model.threads = "4"  # environment PARTSIGHT_THREADS' in shown
    assert 'model.runtime = "litert"  # file' in shown
    assert "decision.votes = 1  # default" in shown
    assert "# shadow.model has no value  # default" in shown
    document = json.loads(invoke("show", path, "--json").stdout)
    assert document["file"] == str(path)
    assert document["keys"]["models.store"] == {"value": str(path.parent / "models"),
                                                "from": "file"}  # fmt: skip


def test_show_without_a_file_shows_the_defaults() -> None:
    done = invoke("show")
    assert done.exit_code == 0
    assert "these are the defaults" in done.stdout
    assert json.loads(invoke("show", "--json").stdout)["file"] is None


def test_show_of_a_named_file_that_is_not_there_fails(path: Path) -> None:
    assert invoke("show", path).exit_code == 1


def test_the_reference_is_printed() -> None:
    assert invoke("reference").stdout.startswith("# The configuration\n")


def test_check_names_a_source_that_cannot_be_opened_without_its_password(tmp_path: Path) -> None:
    file = tmp_path / "partsight.toml"
    file.write_text("[source]\naddress = '//op:hunter22@cam/a.jpg'\n")
    result = CliRunner().invoke(main, ["config", "check", str(file)])
    assert result.exit_code == 1
    assert "//***@cam/a.jpg" in result.output
    assert "hunter22" not in result.output
