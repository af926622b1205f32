"""The machine check, on simulated machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from partsight.cli.main import main
from partsight.deploy import doctor
from partsight.deploy.doctor import examine
from partsight.errors import EnvironmentFault, PartsightError


def test_all_checks_run_and_required_ones_pass() -> None:
    findings = {finding.name: finding for finding in examine()}

    assert list(findings) == ["python", "opencv", "runtime", "camera", "training"]
    required = [finding for finding in findings.values() if finding.required]
    assert [finding.name for finding in required] == ["python", "opencv", "runtime"]
    assert all(finding.ok for finding in required)


@pytest.mark.parametrize(
    "error",
    [
        EnvironmentFault("no runtime:\n  install one"),
        ImportError("libGL.so.1: cannot open"),
        AttributeError("module 'cv2' has no attribute '__version__'"),
        PermissionError(13, "Permission denied"),
    ],
)
def test_a_missing_component_is_a_finding_and_other_checks_run(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> str:
        raise error

    monkeypatch.setattr(doctor, "_opencv", fail)

    findings = {finding.name: finding for finding in examine()}

    assert not findings["opencv"].ok
    assert findings["opencv"].detail == " ".join(str(error).split())
    assert findings["runtime"].ok


@pytest.mark.parametrize(
    ("devices", "readable", "ok", "fragment"),
    [
        ([], True, False, "no /dev/video*"),
        (["/dev/video1", "/dev/video0"], True, True, "/dev/video0, /dev/video1"),
        (["/dev/video0"], False, False, "usermod -aG video"),
    ],
)
def test_doctor_lists_cameras(
    monkeypatch: pytest.MonkeyPatch, devices: list[str], readable: bool, ok: bool, fragment: str
) -> None:
    monkeypatch.setattr(doctor.Path, "glob", lambda self, pattern: map(Path, devices))
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: readable)

    finding = next(finding for finding in examine() if finding.name == "camera")

    assert finding.ok is ok
    assert not finding.required
    assert fragment in finding.detail


def lack(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def fail(*arguments: object) -> str:
        raise PartsightError(f"no {name} here")

    monkeypatch.setattr(doctor, f"_{name}", fail)


@pytest.mark.parametrize(("name", "code"), [("camera", 0), ("training", 0), ("runtime", 1)])
def test_the_exit_code_shows_whether_inspection_is_possible(
    monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    lack(monkeypatch, name)

    text = CliRunner().invoke(main, ["doctor"])
    machine = CliRunner().invoke(main, ["doctor", "--json"])

    assert text.exit_code == machine.exit_code == code
    mark = "FAIL" if code else "none"
    assert f"{mark} {name}: no {name} here" in text.stdout.splitlines()
    assert json.loads(machine.stdout)[name] == {
        "ok": False,
        "required": bool(code),
        "detail": f"no {name} here",
    }
