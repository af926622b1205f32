"""Alarms that need no reference: runs of rejects and of faults, and the share of rejects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from partsight.cli.main import main
from partsight.config.alarms import AlarmsConfig
from partsight.config.document import Config
from partsight.config.reload import changes
from partsight.drift import LineAlarms
from partsight.journal import read_events
from partsight.records import PartResult, Verdict
from partsight.telemetry.telemetry import Telemetry

WHEN = datetime(2024, 5, 6, tzinfo=timezone.utc)
# a accepted, r rejected, v review, F a fault with a fail-safe reject, f one with review, 0 flat
VERDICTS = {
    "a": "accept",
    "r": "reject",
    "v": "review",
    "F": "reject",
    "f": "review",
    "0": "review",
}
SETTINGS = AlarmsConfig(
    rejects_in_a_row=3,
    faults_in_a_row=2,
    reject_rate_above=0.5,
    reject_rate_parts=10,
    clear_after=2,
)
_NO_RUNS = {"rejects_in_a_row": 0, "faults_in_a_row": 0}
RUNS = SETTINGS.model_copy(update={"reject_rate_above": 0})
RATE = SETTINGS.model_copy(update=_NO_RUNS)


@dataclass
class Inspected:
    result: PartResult
    fault: str | None
    flat: bool = False


def inspected(kind: str) -> Inspected:
    verdict = Verdict(VERDICTS[kind])
    result = PartResult("id", WHEN, "script", 0, "f" * 64, verdict, 1.0, f"why {kind}")
    return Inspected(result, "picture" if kind in "Ff" else None, kind == "0")


def raised(telemetry: Telemetry) -> set[str]:
    """As metrics, and alike as states, tell them."""
    by_metric = {label for (of, label), on in telemetry.values().items() if of == "alarms" and on}
    by_state = {part for part, state in telemetry.states().items() if state.name == "raised"}
    assert {f"alarm {each}" for each in by_metric} == by_state
    return by_metric


def seen(settings: AlarmsConfig, kinds: str) -> set[str]:
    telemetry = Telemetry()
    alarms = LineAlarms(settings, telemetry)
    for kind in kinds:
        alarms(inspected(kind))
    return raised(telemetry)


@pytest.mark.parametrize(
    ("settings", "kinds", "alarms"),
    [
        (RUNS, "rr", set()),
        (RUNS, "rrr", {"rejects-in-a-row"}),
        (RUNS, "rrarr", set()),
        (RUNS, "rrvrr", set()),
        (RUNS, "rrF", {"rejects-in-a-row"}),
        (RUNS, "F", set()),
        (RUNS, "FF", {"faults-in-a-row"}),
        (RUNS, "FFF", {"faults-in-a-row", "rejects-in-a-row"}),
        (RUNS, "fff", {"faults-in-a-row"}),
        (RUNS, "FrF", {"rejects-in-a-row"}),
        (RUNS, "rrra", {"rejects-in-a-row"}),
        (RUNS, "rrraa", set()),
        (RUNS, "rrrav", set()),
        (RUNS, "rrrarara", {"rejects-in-a-row"}),
        (RUNS, "ffa", {"faults-in-a-row"}),
        (RUNS, "ffar", set()),
        (RUNS, "v" * 50, set()),
        (RUNS, "00", {"faults-in-a-row"}),
        (RUNS, "f0", {"faults-in-a-row"}),
        (RUNS, "0v0", set()),
        (RUNS, "00vv", set()),
        (RATE, "rarararara", set()),
        (RATE, "rararararr", {"reject-rate-limit"}),
        (RATE, "r" * 9, set()),
        (RATE, "r" * 10 + "a" * 5, {"reject-rate-limit"}),
        (RATE, "r" * 10 + "a" * 6, set()),
        (RATE, "F" * 10, {"reject-rate-limit"}),
        (RATE, "f" * 50, set()),
        (RATE.model_copy(update={"reject_rate_above": 0}), "r" * 50, set()),
        (RUNS.model_copy(update=_NO_RUNS), "F" * 50, set()),
    ],
)
def test_alarms_are_raised_and_cleared(
    settings: AlarmsConfig, kinds: str, alarms: set[str]
) -> None:
    assert seen(settings, kinds) == alarms


def test_all_alarms_are_on_by_default_and_a_normal_line_raises_none() -> None:
    assert seen(AlarmsConfig(), "F" * 100) == {
        "faults-in-a-row",
        "rejects-in-a-row",
        "reject-rate-limit",
    }
    assert seen(AlarmsConfig(), ("a" * 17 + "rrv") * 50 + "a" * 20) == set()


def test_an_alarm_has_a_reason_is_announced_once_and_clears() -> None:
    telemetry = Telemetry()
    reported: list[str] = []
    telemetry.on_change(lambda part, state: reported.append(f"{part} {state.name}: {state.detail}"))
    alarms = LineAlarms(RUNS, telemetry)
    for kind in "rrrrrraaa":
        alarms(inspected(kind))
    assert reported == [
        "alarm rejects-in-a-row raised: 3 parts in a row rejected; the last: why r",
        "alarm rejects-in-a-row clear: 2 parts in a row not rejected",
    ]


def test_rejects_of_the_previous_model_do_not_count() -> None:
    telemetry = Telemetry()
    alarms = LineAlarms(SETTINGS, telemetry)
    for kind in "F" * 10:
        alarms(inspected(kind))
    assert raised(telemetry) == {"faults-in-a-row", "rejects-in-a-row", "reject-rate-limit"}
    alarms.follow_model()
    assert raised(telemetry) == {"faults-in-a-row"}, "the camera is as bad as before"
    alarms(inspected("r"))
    alarms(inspected("r"))
    assert raised(telemetry) == set()
    alarms(inspected("r"))
    assert raised(telemetry) == {"rejects-in-a-row"}


def test_new_settings_act_at_once_and_switch_off() -> None:
    telemetry = Telemetry()
    alarms = LineAlarms(AlarmsConfig(), telemetry)
    for kind in "r" * 9:
        alarms(inspected(kind))
    alarms.use(SETTINGS)
    alarms(inspected("r"))
    assert raised(telemetry) == {"rejects-in-a-row", "reject-rate-limit"}
    alarms.use(AlarmsConfig(rejects_in_a_row=0, faults_in_a_row=0, reject_rate_above=0.0))
    assert raised(telemetry) == set()
    alarms(inspected("r"))
    assert raised(telemetry) == set()


def test_settings_are_those_of_the_configuration_and_can_be_reloaded() -> None:
    document = {"alarms": {"rejects_in_a_row": 3, "faults_in_a_row": 2, "reject_rate_above": 0.5,
                           "reject_rate_parts": 10, "clear_after": 2},
                "drift": {"enabled": False}}  # fmt: skip
    config = Config.model_validate(document)
    assert config.alarms == SETTINGS
    found = changes(Config.model_validate({"drift": {"enabled": False}}), config)
    assert {change.key.partition(".")[0] for change in found.taken_over} == {"alarms"}
    assert not found.restart


ALARMS = "[alarms]\nrejects_in_a_row = 4\nfaults_in_a_row = 3\nreject_rate_parts = 5\n"
LINES = {
    "rejects": (ALARMS, 6, 0, {"rejects-in-a-row", "reject-rate-limit"}, "learning"),
    "faults, rejected as fail-safe": (
        ALARMS, 0, 6, {"rejects-in-a-row", "faults-in-a-row", "reject-rate-limit"}, "learning"),
    "faults, sent to review": (
        ALARMS + "[decision]\nfail_safe = 'review'\n", 0, 6, {"faults-in-a-row"}, "learning"),
    "flat pictures": (ALARMS, -4, 0, {"faults-in-a-row"}, "learning"),
    "without drift": (
        ALARMS + "[drift]\nenabled = false\n", 4, 0, {"rejects-in-a-row"}, "off"),
    "off": ("[alarms]\nrejects_in_a_row = 0\nfaults_in_a_row = 0\nreject_rate_above = 0.0\n",
            1, 9, set(), "learning"),
    "by default": ("", 12, 0, {"rejects-in-a-row"}, "learning"),
    "a line that is not in order": (
        "[drift]\nlearn_parts = 50\nsubgroup = 5\n", 9, 0, set(), "without reference"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "bad", "broken", "alarms", "drift"), LINES.values(), ids=LINES)
def test_a_line_reports_alarms(
    text: str,
    bad: int,
    broken: int,
    alarms: set[str],
    drift: str,
    tmp_path: Path,
    model_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the journal, and on stderr by the log. Fewer than no bad parts are flat pictures."""
    (tmp_path / "belt").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for index in range(-bad):
        cv2.imwrite(str(tmp_path / "belt" / f"a{index:02}.png"), noise // 128 + 120)
    for index in range(bad):
        cv2.imwrite(str(tmp_path / "belt" / f"a{index:02}.png"), noise)
    for index in range(broken):
        (tmp_path / "belt" / f"b{index:02}.png").write_bytes(b"no picture")
    config = tmp_path / "partsight.toml"
    base = "[source]\naddress = 'belt'\n[journal]\npath = 'line.db'\n[health]\nenabled = false\n"
    decision = (
        "" if "[decision]" in text else "[decision]\naccept_above = 1.0\nreject_below = 1.0\n"
    )
    config.write_text(base + decision + text)
    done = CliRunner().invoke(main, ["watch", str(model_path), "--config", str(config)])
    assert done.exit_code == (3 if broken else 0), done.output
    reported = [each["detail"] for each in read_events(tmp_path / "line.db", kind="state")]
    assert {f"alarm {each}" for each in alarms} == {
        each["part"] for each in reported if each["state"] == "raised"
    }
    assert [each["state"] for each in reported if each["part"] == "drift"][-1] == drift
    assert all(f"alarm {each} is raised" in caplog.text for each in alarms)
    assert ("no drift reference" in caplog.text) == (drift != "off")
    lost = drift != "off" and bad > 0
    assert ("drift was not watched yet when the line ended" in caplog.text) == lost
