"""The systemd unit: its command, its check by systemd, and refused options."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from partsight.cli.main import main
from partsight.deploy.service_unit import Service, service_unit, unreadable
from partsight.errors import ConfigError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="systemd is Linux's")

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze on this machine")
# What 252 said of it when it was written; 10 is the worst.
MOST_EXPOSURE = 1.6


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["install-service", *map(str, arguments)])


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and a configuration, taken for one that everybody may read."""
    monkeypatch.setattr("partsight.deploy.service_checks.unreadable", lambda service: [])
    (tmp_path / "model.tflite").touch()
    (tmp_path / "partsight.toml").touch()
    return tmp_path


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(ANALYZE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def directives(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        if line and line[0] not in "#[":
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_starts_the_line_with_this_python() -> None:
    result = invoke("models/../m.tflite", "--config", "/etc/line.toml", "--dry-run")
    assert result.exit_code == 0, result.output
    said = directives(result.output)
    model = Path("models/../m.tflite").absolute()
    assert said["ExecStart"] == [
        f":{sys.executable} -I -m partsight watch {model} --config /etc/line.toml"
    ]
    assert said["Type"] == ["notify"]
    assert said["Restart"] == ["always"]
    assert said["DynamicUser"] == ["yes"]
    assert int(said["WatchdogSec"][0]) > 0
    assert "User" not in said


@pytest.mark.parametrize(
    ("option", "directive"),
    [
        (["--user", "partsight"], ("User", "partsight")),
        (["--memory-max", "1G"], ("MemoryMax", "1G")),
        ([], ("SuccessExitStatus", "3")),
        (["--name", "line-3"], ("CacheDirectory", "line-3")),
        (["--name", "line-3"], ("StateDirectory", "line-3")),
    ],
)
def test_options_are_in_the_unit(option: list[str], directive: tuple[str, str]) -> None:
    said = directives(invoke("/opt/m.tflite", *option, "--dry-run").output)
    assert said[directive[0]] == [directive[1]]


@pytest.mark.parametrize(
    ("model", "home"),
    [("/opt/m.tflite", "yes"), ("/home/qa/m.tflite", "read-only"), ("/root/m", "read-only")],
)
def test_home_folders_are_closed_unless_a_file_is_there(model: str, home: str) -> None:
    service = Service(Path("/usr/bin/python3"), Path(model), Path("/etc/partsight.toml"))
    assert directives(service_unit(service))["ProtectHome"] == [home]


def configured(device: Path, text: str) -> list[object]:
    (device / "partsight.toml").write_text(text)
    return [device / "model.tflite", "--config", device / "partsight.toml", "--dry-run"]


@pytest.mark.parametrize(
    ("trigger", "groups", "devices"),
    [
        ('kind = "key"\ndevice = "/dev/ttyACM0"', "video dialout", 4),
        ('kind = "key"', "video", 1),
        ('kind = "frame"', "video", 1),
    ],
)
def test_a_configured_barcode_reader_can_be_opened(
    trigger: str, groups: str, devices: int, device: Path
) -> None:
    said = directives(invoke(*configured(device, f"[trigger]\n{trigger}\n")).output)

    assert said["SupplementaryGroups"] == [groups]
    assert len(said["DeviceAllow"]) == devices
    assert ("char-ttyACM rw" in said["DeviceAllow"]) == (devices > 1)


def test_the_service_may_write_where_its_account_may(device: Path) -> None:
    lines = configured(device, '[journal]\npath = "verdicts.db"\n[pictures]\nfolder = "kept"\n')
    (device / "kept").mkdir()

    said = directives(invoke(*lines, "--user", "root").output)

    # A path is that from the configuration.
    assert sorted(said["ReadWritePaths"]) == sorted([str(device), str(device / "kept")])


@pytest.mark.parametrize("name", ["partsight", "line-3"])
def test_the_own_folders_of_the_service_need_no_account(name: str, device: Path) -> None:
    lines = configured(device, f'[journal]\npath = "/var/lib/{name}/verdicts.db"\n')

    said = directives(invoke(*lines, "--name", name).output)

    assert "ReadWritePaths" not in said
    assert said["DeviceAllow"] == ["char-video4linux rw"]


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("verdicts.db", [], "expected paths below /var/lib/partsight. Set such paths"),
        ("/var/lib/partsight2/verdicts.db", [], "expected paths below /var/lib/partsight."),
        ("gone/verdicts.db", ["--user", "root"], "gone for journal.path, found none. Make them"),
    ],
)
def test_a_path_that_the_service_cannot_write_is_refused(
    path: str, options: list[str], message: str, device: Path
) -> None:
    result = invoke(*configured(device, f'[journal]\npath = "{path}"\n'), *options)

    assert result.exit_code == 1
    assert message in result.output


@needs_systemd
@pytest.mark.parametrize(
    ("options", "configuration"),
    [
        ([], ""),
        (["--user", "root"], '[trigger]\nkind = "key"\ndevice = "/dev/ttyACM0"\n'),
        (["--user", "root"], '[journal]\npath = "verdicts.db"\n'),
        (["--name", "line3"], ""),
    ],
)
def test_systemd_accepts_the_unit(options: list[str], configuration: str, device: Path) -> None:
    (device / "partsight.toml").write_text(configuration)
    units = device / "units"
    units.mkdir()
    files = [device / "model.tflite", "--config", device / "partsight.toml"]
    result = invoke(*files, "--unit-dir", units, *options)
    assert result.exit_code == 0, result.output
    (unit,) = units.iterdir()
    assert f"enable --now {unit.stem}\n" in result.output
    assert unit.stat().st_mode & 0o777 == 0o644
    verified = analyze("verify", unit)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@needs_systemd
def test_the_unit_is_hardened(tmp_path: Path) -> None:
    unit = tmp_path / "partsight.service"
    service = Service(Path("/usr/bin/env"), Path("/opt/m.tflite"), Path("/etc/c.toml"))
    unit.write_text(service_unit(service))
    reported = analyze("security", "--offline=yes", "--no-pager", unit).stdout
    figure = re.search(r"Overall exposure level for partsight.service: ([\d.]+)", reported)
    assert figure is not None, reported
    assert float(figure[1]) <= MOST_EXPOSURE


@needs_systemd
@pytest.mark.parametrize(
    "name", ["plain", "two words", "100%n", "a;b", "$HOME", "ümläut", "-dash", "@at"]
)
def test_systemd_reads_back_any_path(name: str, tmp_path: Path) -> None:
    """``verify`` says so where there is no such program."""
    python = tmp_path / name
    service = Service(python, tmp_path / name, tmp_path / name)
    unit = tmp_path / "partsight.service"
    unit.write_text(service_unit(service))
    assert "not executable" in analyze("verify", unit).stderr
    python.touch(0o755)
    assert analyze("verify", unit).stderr == ""


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.isprintable))
def test_arguments_survive_the_quoting_of_systemd(name: str) -> None:
    """Quotes in systemd.syntax(7) have the same meaning as in a shell."""
    service = Service(Path("/usr/bin/python3"), Path("/opt", name), Path("/etc/c"))
    (command,) = directives(service_unit(service))["ExecStart"]
    assert shlex.split(command.replace("%%", "%"))[5] == str(Path("/opt", name))


@pytest.mark.parametrize(
    ("python", "model", "message"),
    [
        ("/usr/bin/python3", "/opt/a\nb", "cannot start '/opt/a"),
        ("/opt/it's/python", "/opt/a", "cannot start the program"),
        ('/opt/a"b/python', "/opt/a", "cannot start the program"),
        ("/opt/a\\b/python", "/opt/a", "cannot start the program"),
    ],
)
def test_a_path_that_a_unit_cannot_contain_is_refused(
    python: str, model: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        service_unit(Service(Path(python), Path(model), Path("/etc/c")))


@pytest.mark.parametrize(
    ("missing", "arguments", "exit_code", "message"),
    [
        ("model.tflite", [], 1, "expected a file at .*model.tflite, found none"),
        ("partsight.toml", [], 1, "expected a file at .*partsight.toml, found none"),
        (None, ["--name", "../etc"], 2, "Received: '../etc'"),
        (None, ["--user", "no-such-account"], 1, "expected an account no-such-account"),
        (None, ["--user", "a b"], 2, "Received: 'a b'"),
        (None, ["--memory-max", "lots"], 2, "Received: 'lots'"),
    ],
)
def test_invalid_options_are_refused(
    missing: str | None, arguments: list[str], exit_code: int, message: str, device: Path
) -> None:
    if missing:
        (device / missing).unlink()
    files = [device / "model.tflite", "--config", device / "partsight.toml"]
    result = invoke(*files, "--unit-dir", device / "units", *arguments)
    assert result.exit_code == exit_code
    assert re.search(message, " ".join(result.output.split()))
    assert not (device / "units").exists()


def test_an_invalid_configuration_is_refused(device: Path) -> None:
    (device / "partsight.toml").write_text("[modell]")
    files = [device / "model.tflite", "--config", device / "partsight.toml"]
    result = invoke(*files, "--unit-dir", device / "units")
    assert result.exit_code == 1
    assert "Did you mean model?" in result.output


def test_files_that_the_service_cannot_read(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "partsight.deploy.service_checks.unreadable", lambda service: [Path("/root")]
    )
    files = [device / "model.tflite", "--config", device / "partsight.toml"]
    result = invoke(*files, "--unit-dir", device / "units")
    assert result.exit_code == 1
    assert "its account cannot read /root. " in result.output
    assert invoke(*files, "--unit-dir", device / "units", "--user", "root").exit_code == 0


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "found"),
    [
        (0o755, 0o644, []),
        (0o711, 0o604, []),
        (0o755, 0o640, ["folder/file"]),
        (0o750, 0o644, ["folder"]),
        (0o700, 0o600, ["folder", "folder/file"]),
    ],
)
def test_files_that_the_service_cannot_read_are_named(
    folder_mode: int, file_mode: int, found: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").touch()
    (folder / "file").chmod(file_mode)
    folder.chmod(folder_mode)
    (tmp_path / "link").symlink_to(folder / "file")
    service = Service(Path("/no/such/python"), tmp_path / "link", tmp_path / "none")
    closed = [place for place in unreadable(service) if place not in tmp_path.parents]
    assert [str(place.relative_to(tmp_path)) for place in closed if place != tmp_path] == found


def test_without_root_the_message_names_dry_run(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    files = [device / "model.tflite", "--config", device / "partsight.toml"]
    result = invoke(*files)
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert "--dry-run" in result.output
    assert invoke(*files, "--dry-run").exit_code == 0


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("/home/line/in", "read-only"),
        ("file:///home/line/in%20put", "read-only"),
        ("/srv/in", "yes"),
        ("/dev/shm/in", "yes"),
        ("/dev/video0", "yes"),
        ("0", "yes"),
        ("rtsp://camera/home", "yes"),
    ],
)
def test_a_source_in_a_home_folder_may_be_read(
    device: Path, monkeypatch: pytest.MonkeyPatch, address: str, home: str
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/partsight/bin/python")
    (device / "partsight.toml").write_text(f"[source]\naddress = '{address}'\n")
    result = invoke(device / "model.tflite", "--config", device / "partsight.toml", "--dry-run")
    assert result.exit_code == 0, result.output
    assert directives(result.output)["ProtectHome"] == [home]


def test_a_source_that_cannot_be_opened_is_refused(device: Path) -> None:
    (device / "partsight.toml").write_text("[source]\naddress = 'libcamera:0'\n")
    result = invoke(device / "model.tflite", "--config", device / "partsight.toml", "--dry-run")
    assert result.exit_code == 1
    assert "libcamerify" in result.output


def test_a_source_that_its_account_cannot_read_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "in").mkdir()
    service = Service(tmp_path, tmp_path, tmp_path, watched=(closed / "in",))
    assert closed in unreadable(service)


@pytest.mark.parametrize(("product", "code"), [("bolt", 0), ("nut", 1), (None, 1)])
def test_a_model_of_another_product_is_refused(
    product: str | None, code: int, device: Path, make_model: Callable[..., bytes]
) -> None:
    model, config = device / "model.tflite", device / "partsight.toml"
    model.write_bytes(make_model("model", product=product))
    config.write_text("[models]\nproduct = 'bolt'\n")
    at = ("--config", config, "--unit-dir", device, "--user", "root")
    done = invoke(model, *at)
    assert done.exit_code == code, done.output
    assert ("expected product 'bolt' (models.product)" in done.stderr) == bool(code)
