"""A valid configuration is checked against this device before the line starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from partsight.config.document import Config
from partsight.config.file import read_config
from partsight.deploy.preflight import Finding, preflight, require_startable
from partsight.errors import ConfigError

PACKAGES = ("paho", "pymodbus", "urllib3", "cryptography")
JOURNAL = "[journal]\npath = 'j.db'\n"
MQTT = "[[sinks]]\nkind = 'mqtt'\nhost = '127.0.0.1'\n"
MODBUS = "[[sinks]]\nkind = 'modbus'\nhost = '127.0.0.1'\n"
WEBHOOK = "[[sinks]]\nkind = 'webhook'\nurl = 'https://127.0.0.1/'\nsecret_file = 'secret'\n"
WEBHOOK_ENV = WEBHOOK.replace("secret_file = 'secret'", "secret_env = 'UNSET'")
CSV = "[[sinks]]\nkind = 'csv'\npath = "
WATCH = "\nfolder = {watch = true}"
TLS = MQTT + "tls = true\nca_file = 'ca.pem'\n"


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., list[Finding]]:
    """Return the findings for a text of partsight.toml, in a folder with some files next to it."""
    (tmp_path / "secret").write_text("x")
    (tmp_path / "empty").touch()
    (tmp_path / "ca.pem").write_text("no certificate")
    (tmp_path / "folder").mkdir()
    (tmp_path / "torn.tflite").write_bytes(b"torn")
    (tmp_path / "torn.mp4").write_bytes(b"torn")
    writer = cv2.VideoWriter(
        str(tmp_path / "belt.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (32, 32)
    )
    writer.write(np.zeros((32, 32, 3), np.uint8))
    writer.release()

    def run(text: str, **environ: str) -> list[Finding]:
        path = tmp_path / "partsight.toml"
        # Sinks need a journal; a text that is about it has its own.
        path.write_text(text if "[journal]" in text else f"{text}\n{JOURNAL}")
        return list(preflight(read_config(path), environ, reserved={"the configuration": path}))

    return run


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a base installation: optional packages cannot be imported."""
    for name in list(sys.modules):
        top = name.partition(".")[0]
        uses = name.startswith(("partsight.connections", "partsight.sinks.", "partsight.triggers."))
        if top in PACKAGES or uses or name == "partsight.model.key_files":
            monkeypatch.delitem(sys.modules, name)

    class Blocker:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name.partition(".")[0] in PACKAGES:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Blocker(), *sys.meta_path])


@pytest.mark.parametrize(
    ("text", "key", "step"),
    [
        (MQTT, "sinks[0]", "pip install 'partsight[mqtt]'"),
        (MODBUS, "sinks[0]", "pip install 'partsight[modbus]'"),
        (WEBHOOK, "sinks[0]", "pip install 'partsight[webhook]'"),
        ("[trigger]\nkind = 'mqtt'\nhost = 'x'\ntopic = 'y'", "trigger",
         "pip install 'partsight[mqtt]'"),
        ("[trigger]\nkind = 'modbus'\nhost = 'x'\ncoil = 1", "trigger",
         "pip install 'partsight[modbus]'"),
        ("[model]\npublic_key = 'secret'", "model.public_key", "pip install 'partsight[signing]'"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("without_packages")
def test_a_missing_package_is_named_with_its_install_command(
    check: Callable, text: str, key: str, step: str
) -> None:
    (found,) = check(text)
    assert (found.key, found.level) == (key, "error")
    assert "not installed" in found.message
    assert step in found.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", None, id="nothing configured"),
        pytest.param("[source]\naddress = 'belt.avi'", None, id="a video"),
        pytest.param("[source]\naddress = 'lost.mp4'", "error: source.address: no source",
                     id="no file"),
        pytest.param("[source]\naddress = 'torn.mp4'", "error: source.address: ",
                     id="torn video"),
        pytest.param("[source]\naddress = 'folder'", "error: source.address: no pictures",
                     id="empty folder"),
        pytest.param("[source]\naddress = 'folder'" + WATCH, None, id="watched folder"),
        pytest.param("[source]\naddress = 'lost'" + WATCH,
                     "warning: source.address: there is no folder", id="watched folder to come"),
        pytest.param("[source]\naddress = 'secret'" + WATCH,
                     "error: source.address: ", id="watched file"),
        pytest.param("[source]\naddress = '/dev/video77'",
                     "warning: source.address: there is no /dev/video77", id="camera to come"),
        pytest.param("[source]\naddress = '77'",
                     "warning: source.address: there is no /dev/video77", id="camera by number"),
        pytest.param(MQTT, None, id="broker"),
        pytest.param(TLS, "error: sinks[0]: cannot use the certificates",
                     id="broken certificate"),
        pytest.param(TLS.replace("ca.pem", "lost.pem"), "error: sinks[0].ca_file: there is no",
                     id="no certificate"),
        pytest.param(WEBHOOK, None, id="webhook"),
        pytest.param(WEBHOOK.replace("'secret'", "'empty'"),
                     "error: sinks[0].secret_file: cannot read secret", id="empty secret"),
        pytest.param(WEBHOOK_ENV,
                     "warning: sinks[0].secret_env: the environment variable", id="unset variable"),
        pytest.param(WEBHOOK_ENV.replace("UNSET", "SET"), None, id="set variable"),
        pytest.param(CSV + "'folder'", "error: sinks[0].path: ", id="folder as file"),
        pytest.param(CSV + "'/dev/null'", "error: sinks[0].path: /dev/null is a device or a pipe",
                     id="device as file"),
        pytest.param(CSV + "'secret/x.csv'", "error: sinks[0].path: ", id="below a file"),
        pytest.param("[[sinks]]\nkind = 'jsonl'\npath = 'new/x.jsonl'", None, id="new folder"),
        pytest.param("[journal]\npath = 'secret/j.db'", "error: journal.path: ",
                     id="journal below a file"),
        pytest.param("[shadow]\nmodel = 'torn.tflite'", "error: shadow.model: ",
                     id="torn shadow model"),
        pytest.param("[model]\npublic_key = 'secret'", "error: model.public_key: ",
                     id="no public key"),
        pytest.param("[trigger]\nkind = 'key'\ndevice = '/dev/ttyNONE9'",
                     "warning: trigger.device: there is no", id="no barcode reader"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_found(
    check: Callable, text: str, expected: str | None
) -> None:
    found = [f"{each.level}: {each}" for each in check(text, SET="x")]
    assert len(found) == (expected is not None), found
    assert all(each.startswith(expected or "") for each in found), found


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_found(check: Callable, tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    (found,) = check("[journal]\npath = 'shut/journal.db'")
    assert "may not be written to" in str(found)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (TLS, "sinks[0]: cannot use the certificates"),
        (WEBHOOK_ENV, "sinks[0].secret_env"),
        (CSV + "'folder'\n" + TLS.replace("ca.pem", "lost.pem"), "1 more"),
        ("[models]\nstore = 'models'", None),
        ("[source]\naddress = '/dev/video77'", None),
        (MQTT, None),
    ],
)  # fmt: skip
def test_a_line_whose_sink_can_never_work_does_not_start(
    check: Callable, tmp_path: Path, text: str, refused: str | None
) -> None:
    check(text)
    config: Config = read_config(tmp_path / "partsight.toml")
    if refused is None:
        require_startable(config, {})
        return
    with pytest.raises(ConfigError, match="the line cannot start") as caught:
        require_startable(config, {})
    assert refused in str(caught.value)


TWO_CSV = CSV + "'v.csv'\n" + CSV + "'{}'\nname = 'other'\n"
NUT = "[models]\nproduct = 'nut'\n[shadow]\nmodel = 'shipped.tflite'"
HTTP = "[trigger]\nkind = 'http'\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(CSV + "'j.db'\n", "error: sinks[0].path: ", id="sink in the journal's file"),
        pytest.param(CSV + "'new/../j.db'\n", "error: sinks[0].path: ", id="by another name"),
        pytest.param(TWO_CSV.format("v.csv"), "error: sinks[1].path: ", id="two sinks, one file"),
        pytest.param(TWO_CSV.format("link.csv"), "error: sinks[1].path: ", id="by a link"),
        pytest.param(TWO_CSV.format("w.csv"), None, id="two sinks, two files"),
        pytest.param(CSV + "'j.db-wal'\n", "error: sinks[0].path: ", id="file of the journal"),
        pytest.param(CSV + "'j.db.lock'\n", "error: sinks[0].path: ", id="lock of the journal"),
        pytest.param(CSV + "'shipped.tflite'\n[shadow]\nmodel = 'shipped.tflite'",
                     "error: sinks[0].path: ", id="a model that is read"),
        pytest.param(CSV + "'partsight.toml'\n", "error: sinks[0].path: ",
                     id="the configuration"),
        pytest.param("[journal]\npath = 'partsight.toml'", "error: journal.path: ",
                     id="journal in the configuration"),
        pytest.param("[journal]\npath = 'folder'", "error: journal.path: ", id="journal a folder"),
        pytest.param(CSV + "'/proc/x/y.csv'\n", "error: sinks[0].path: no file can be made",
                     id="in a file system of the kernel"),
        pytest.param("[pictures]\nfolder = 'secret/p'", "error: pictures.folder: ",
                     id="image store below a file"),
        pytest.param("[models]\nstore = 'secret/s'", "error: models.store: ",
                     id="model store below a file"),
        pytest.param("[models]\nstore = 's'\nchallenge = 'folder'\nmin_accuracy = 0.9",
                     "error: models.challenge: no pictures", id="empty acceptance set"),
        pytest.param("[models]\nstore = 's'\nchallenge = 'secret'\nmin_accuracy = 0.9",
                     "error: models.challenge: ", id="a file as the acceptance set"),
        pytest.param(HTTP + "port = 8614", "error: trigger.port: ", id="port of the health server"),
        pytest.param(HTTP + "port = 8614\n[health]\nhost = '0.0.0.0'"
                     "\ntoken_env = 'HEALTH_TOKEN'", "error: trigger.port: ",
                     id="on every address"),
        pytest.param(HTTP + "port = 8614\n[health]\nenabled = false", None, id="no health server"),
        pytest.param(HTTP + "port = 8615", None, id="two ports"),
        pytest.param(NUT, "error: shadow.model: ", id="shadow model of another product"),
        pytest.param("[source]\naddress = 'folder'" + WATCH + "\n[pictures]\nfolder = 'folder/p'",
                     "error: pictures.folder: ", id="stored frames in the watched folder"),
        pytest.param("[source]\naddress = 'folder'" + WATCH + "\n[pictures]\nfolder = 'p'",
                     None, id="stored frames elsewhere"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_together_are_found(
    check: Callable, tmp_path: Path, model_path: Path, text: str, expected: str | None
) -> None:
    (tmp_path / "v.csv").touch()
    (tmp_path / "link.csv").symlink_to("v.csv")
    (tmp_path / "shipped.tflite").write_bytes(model_path.read_bytes())
    found = [f"{each.level}: {each}" for each in check(text) if each.level == "error"]
    assert len(found) == (expected is not None), found
    assert all(each.startswith(expected or "") for each in found), found


def test_sinks_without_a_journal_are_a_warning(check: Callable) -> None:
    """The journal can be given by an option of 'watch'."""
    (found,) = check(CSV + "'v.csv'\n[journal]\n")
    assert (found.key, found.level) == ("sinks", "warning")
    assert "--journal" in found.message


@pytest.mark.parametrize("path", ["j.db", "folder/../j.db"])
def test_a_line_whose_sink_writes_the_journals_file_does_not_start(
    check: Callable, tmp_path: Path, path: str
) -> None:
    check(CSV + f"'{path}'\n")
    with pytest.raises(ConfigError, match="is also the file of journal.path"):
        require_startable(read_config(tmp_path / "partsight.toml"), {})


@pytest.mark.parametrize("text", [CSV + "'m.tflite'\n", "[journal]\npath = 'm.tflite'\n"])
def test_a_line_that_would_overwrite_its_model_does_not_start(
    check: Callable, tmp_path: Path, text: str
) -> None:
    check(text)
    config = read_config(tmp_path / "partsight.toml")
    with pytest.raises(ConfigError, match="is also the file of the model"):
        require_startable(config, {}, reserved={"the model": tmp_path / "m.tflite"})
