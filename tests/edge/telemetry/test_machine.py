"""Temperatures and free disk space, from a simulated /sys and a real disk."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from partsight.telemetry.machine import machine_watch, temperatures_celsius
from partsight.telemetry.telemetry import Telemetry


def zone(thermal: Path, number: int, kind: str | None, temp: str | None) -> None:
    folder = thermal / f"thermal_zone{number}"
    folder.mkdir(parents=True)
    if kind is not None:
        (folder / "type").write_text(kind)
    if temp is not None:
        (folder / "temp").write_text(temp)


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ([], {}),
        ([("cpu-thermal\n", "48312\n")], {"cpu-thermal": 48.312}),
        ([("acpitz", "-5000")], {"acpitz": -5.0}),
        ([("cpu", "1000"), ("cpu", "2000")], {"cpu": 1.0, "cpu thermal_zone1": 2.0}),
        ([("off", None), ("cpu", "1000")], {"cpu": 1.0}),
        ([("mad", "warm"), (None, "1000")], {}),
        ([("", "1000")], {"thermal_zone0": 1.0}),
    ],
)
def test_zones_go_by_their_type(
    zones: list[tuple[str | None, str | None]], expected: dict[str, float], tmp_path: Path
) -> None:
    for number, (kind, temp) in enumerate(zones):
        zone(tmp_path, number, kind, temp)
    assert temperatures_celsius(tmp_path) == expected


def test_an_unreadable_disk_does_not_stop_other_measurements(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    telemetry = Telemetry()
    places = {"lost": tmp_path / "file" / "below", "journal": tmp_path}
    with machine_watch(places, telemetry, thermal=tmp_path):
        wait_for(lambda: ("disk_free_bytes", "journal") in telemetry.values())
    assert ("disk_free_bytes", "lost") not in telemetry.values()


def test_the_machine_is_measured_at_once_and_repeatedly(tmp_path: Path) -> None:
    zone(tmp_path, 0, "cpu", "41000")
    telemetry = Telemetry()
    before = set(threading.enumerate())
    with machine_watch({"journal": tmp_path}, telemetry, thermal=tmp_path, every_s=0.01):
        wait_for(lambda: telemetry.values().get(("temperature_celsius", "cpu")) == 41)
        assert telemetry.values()["disk_free_bytes", "journal"] > 0
        (tmp_path / "thermal_zone0" / "temp").write_text("42000")
        wait_for(lambda: telemetry.values()["temperature_celsius", "cpu"] == 42)
    assert set(threading.enumerate()) == before


def wait_for(condition) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
