"""A key that has no effect for the configured source is refused, not ignored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from partsight.cli.main import main
from partsight.config.acting import ACTS_FOR, ignored_keys
from partsight.config.document import Config
from partsight.config.settings import settings_of

VIDEO = "line.avi"
LIVE_KEYS = (
    "warm_up_frames = 7",
    "delay_s = 0.1",
    "open_timeout_s = 3.0",
    "stale_after_s = 1.0",
    "read_timeout_s = 9.0",
)
CAMERA_KEYS = ("camera.width = 640", "camera.exposure_ms = 4.0", "camera.gain = 1.0")
WATCH_KEYS = ("folder.existing = true", "folder.settle_s = 2.0", "folder.poll_s = 1.0")
FROZEN_KEYS = ("conditions.frozen_frames = 10", "conditions.frozen_after_s = 5.0")
CHECKS = (
    "conditions.dark_below = 20.0",
    "conditions.bright_above = 200.0",
    "conditions.blurred_below = 9.0",
)

# Address and more of each kind of source, what is refused of it and what is not.
TABLE: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "camera": (
        'address = "0"',
        ("realtime = true", "folder.watch = true", *WATCH_KEYS),
        (*LIVE_KEYS, *CAMERA_KEYS, *FROZEN_KEYS, *CHECKS),
    ),
    "device": (
        'address = "/dev/video0"',
        ("realtime = true", "folder.watch = true", *WATCH_KEYS),
        (*LIVE_KEYS, *CAMERA_KEYS, *FROZEN_KEYS, *CHECKS),
    ),
    "stream": (
        'address = "rtsp://user:secret@host/line"',
        ("realtime = true", "folder.watch = true", *WATCH_KEYS, *CAMERA_KEYS, "camera.fps = 2.0"),
        (*LIVE_KEYS, *FROZEN_KEYS, *CHECKS),
    ),
    "HTTP address": (
        'address = "http://user:secret@host/snap.jpg"',
        ("realtime = true", "folder.watch = true", *WATCH_KEYS, *CAMERA_KEYS),
        ("camera.fps = 2.0", *LIVE_KEYS, *FROZEN_KEYS, *CHECKS),
    ),
    "video": (
        f'address = "{VIDEO}"',
        (*LIVE_KEYS, *CAMERA_KEYS, *WATCH_KEYS, "folder.watch = true"),
        ("realtime = true", *FROZEN_KEYS, *CHECKS),
    ),
    "folder": (
        'address = "parts"',
        (*LIVE_KEYS, *CAMERA_KEYS, *WATCH_KEYS, *FROZEN_KEYS, "realtime = true"),
        ("folder.watch = true", *CHECKS),
    ),
    "watched folder": (
        'address = "parts"\nfolder.watch = true',
        (*LIVE_KEYS, *CAMERA_KEYS, "realtime = true"),
        (*WATCH_KEYS, *FROZEN_KEYS, *CHECKS),
    ),
    "a path that is not there": (
        'address = "missing"',
        (*LIVE_KEYS, *CAMERA_KEYS, *WATCH_KEYS),
        ("realtime = true", *FROZEN_KEYS, *CHECKS),
    ),
    "no address": ("", (), (*LIVE_KEYS, *CAMERA_KEYS, *FROZEN_KEYS, "realtime = true")),
}
REFUSED = [(kind, key) for kind, (_, refused, _) in TABLE.items() for key in refused]
ALLOWED = [(kind, key) for kind, (_, _, allowed) in TABLE.items() for key in allowed]
OFF = (
    *("realtime = false", "warm_up_frames = 0", "delay_s = 0.0"),
    *("folder.existing = false", "conditions.frozen_frames = 0"),
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARTSIGHT_CONFIG", raising=False)
    writer = cv2.VideoWriter(VIDEO, cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(3):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    Path("parts").mkdir()
    cv2.imwrite("parts/dim.png", np.full((48, 64, 3), 12, np.uint8))


def check(text: str) -> tuple[int, str]:
    Path("line.toml").write_text(text)
    result = CliRunner().invoke(main, ["config", "check", "line.toml"])
    refused = " has no effect" in result.output or "line.toml is wrong" in result.output
    # Other findings do not count here: there is no camera, and no file at a missing path.
    assert result.exit_code == 1 or not refused
    return int(refused), result.output


def section(kind: str, *keys: str) -> str:
    return "\n".join(["[source]", TABLE[kind][0], *keys, ""])


@pytest.mark.parametrize(("kind", "key"), REFUSED, ids=lambda each: str(each))
def test_config_check_refuses_a_key_that_cannot_act(kind: str, key: str) -> None:
    code, output = check(section(kind, key))
    assert code == 1
    assert f"source.{key.split(' ')[0]}: has no effect: the source is a " in output
    assert "secret" not in output


@pytest.mark.parametrize(("kind", "key"), ALLOWED, ids=lambda each: str(each))
def test_config_check_allows_a_key_that_acts(kind: str, key: str) -> None:
    code, output = check(section(kind, key))
    assert (code, "has no effect" in output) == (0, False), output


@pytest.mark.parametrize("kind", TABLE)
@pytest.mark.parametrize("key", OFF)
def test_a_key_that_switches_something_off_is_always_allowed(kind: str, key: str) -> None:
    if key.startswith("folder.watch") or "folder" in kind:
        key = key.replace("folder.existing = false", "delay_s = 0.0")
    assert check(section(kind, key))[0] == 0


@pytest.mark.parametrize(
    ("source", "trigger", "refused"),
    [
        ('address = "0"', "frame", False),
        (f'address = "{VIDEO}"', "interval", False),
        ('address = "0"', "presence", True),
        ('address = "0"', "http", True),
        ('address = "parts"', "frame", True),
        ('address = "parts"\nfolder.watch = true', "frame", True),
    ],
)
def test_other_parts_have_no_vote(source: str, trigger: str, refused: bool) -> None:
    more = "period_s = 1.0\n" if trigger == "interval" else ""
    text = f'[source]\n{source}\n[trigger]\nkind = "{trigger}"\n{more}[decision]\n'
    assert check(text + "votes = 1\nwindow = 1\n")[0] == 0
    code, output = check(text + "votes = 2\nwindow = 3\n")
    assert (code, "decision.window: has no effect" in output) == (int(refused), refused), output


def test_every_key_of_the_source_is_in_the_table() -> None:
    """A new key has to say for which kinds of source it acts."""
    names = [setting.name for setting in settings_of(Config().source, "source.")]
    assert [name for name in names if not any(map(name.startswith, ACTS_FOR))] == []
    assert [each for each in ACTS_FOR if each.startswith("source.")
            and not any(name.startswith(each) for name in names)] == []  # fmt: skip


def test_what_was_not_set_is_not_refused() -> None:
    for kind, (lines, _, _) in TABLE.items():
        assert check(f"[source]\n{lines}\n")[0] == 0, kind
    assert list(ignored_keys(Config())) == []


def watch(model_path: Path, *arguments: str, text: str) -> Any:
    Path("line.toml").write_text(text)
    return CliRunner().invoke(main, ["watch", str(model_path), "--config", "line.toml", *arguments])


def test_watch_refuses_at_its_start_also_for_a_source_of_the_command_line(model_path: Path) -> None:
    result = watch(model_path, "--source", "parts", text="[source]\nrealtime = true\n")
    assert result.exit_code == 1
    assert "source.realtime has no effect: the source is a folder" in result.output


@pytest.mark.parametrize("source", [VIDEO, "parts", "parts/0.png"])
@pytest.mark.parametrize("password", ["", "password_file = 'line.toml'\n"], ids=["none", "some"])
def test_a_source_of_the_command_line_sets_no_keys(
    source: str, password: str, model_path: Path, tmp_path: Path
) -> None:
    user = f"address = 'rtsp://host'\nusername = 'op'\n{password}" if password else ""
    for arguments in (["watch", str(model_path)], ["capture", "--label", "good", "out"]):
        Path("line.toml").write_text(f"[source]\n{user}")
        arguments += ["--config", "line.toml", "--source", source]
        assert "has no effect" not in CliRunner().invoke(main, arguments).output


def test_capture_refuses_too() -> None:
    Path("line.toml").write_text("[source.conditions]\nfrozen_frames = 3\n")
    result = CliRunner().invoke(
        main,
        ["capture", "--config", "line.toml", "--source", "parts", "--label", "good", "out"],
    )
    assert result.exit_code == 1
    assert "source.conditions.frozen_frames has no effect" in result.output
    assert not Path("out").exists()


@pytest.mark.parametrize("source", [VIDEO, "parts"])
@pytest.mark.parametrize("fail_safe", ["reject", "review"])
def test_a_dark_file_gets_the_fail_safe_verdict(
    source: str, fail_safe: str, model_path: Path
) -> None:
    text = f'[decision]\nfail_safe = "{fail_safe}"\n[source.conditions]\ndark_below = 20.0\n'
    result = watch(model_path, "--source", source, text=text)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 3
    assert rows
    assert {row["verdict"] for row in rows} == {fail_safe}
    assert all("too dark: mean brightness" in row["reason"] == row["error"] for row in rows)


def test_capture_names_a_frame_that_is_not_fit(tmp_path: Path) -> None:
    Path("line.toml").write_text("[source.conditions]\ndark_below = 20.0\n")
    result = CliRunner().invoke(
        main, ["capture", "--config", "line.toml", "--source", "parts", "--label", "good", "out"]
    )
    assert result.exit_code == 3
    assert "too dark" in result.output
    assert not list(tmp_path.glob("out/good/*"))


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (
            "[pictures]\nmax_count = 9\n",
            "pictures.max_count: has no effect without pictures.folder",
        ),
        ('[pictures]\nfolder = "kept"\nmax_count = 9\n', ""),
        ("[models]\nkeep = 9\n", "models.keep: has no effect without models.store"),
        (
            '[models]\nchallenge = "parts"\nmin_accuracy = 0.9\n',
            "models.challenge: has no effect without models.store",
        ),
        ('[models]\nstore = "store"\nchallenge = "parts"\nmin_accuracy = 0.9\n', ""),
        ('[models]\nproduct = "bracket"\n', ""),
        (
            '[trigger]\nkind = "modbus"\nhost = "h"\ncoil = 1\npart_id_words = 2\n',
            "trigger.part_id_words: has no effect without trigger.part_id_register",
        ),
        (
            '[trigger]\nkind = "modbus"\nhost = "h"\ncoil = 1\npart_id_words = 2\n'
            "part_id_register = 0\n",
            "",
        ),
        ("[decision]\nwindow = 3\n", "needs decision.votes"),
        ("[decision]\nvotes = 2\nwindow = 3\n", ""),
        ("[source.conditions]\nfrozen_after_s = inf\n", "frozen_after_s"),
        ("[source.folder]\nsettle_s = inf\n", "settle_s"),
    ],
)
def test_a_key_without_what_it_needs(text: str, refused: str) -> None:
    code, output = check(text)
    assert (code == 1) == bool(refused), output
    assert refused in output


# ---- [decision] acts on every command that gives verdicts


@pytest.fixture
def judged_by(model_path: Path) -> Any:
    """The verdicts of ``classify`` under a configuration and options, on pictures of good parts."""
    made = CliRunner().invoke(main, ["sample-data", "sample", "--per-label", "3"])
    assert made.exit_code == 0, made.output

    def run(decision: str, *options: str) -> set[str]:
        Path("line.toml").write_text(f"[decision]\n{decision}\n")
        result = CliRunner().invoke(
            main,
            ["classify", str(model_path), "sample/healthy", "--quiet", "--config", "line.toml",
             *options],
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        return {json.loads(line)["verdict"] for line in result.stdout.splitlines()}

    return run


@pytest.mark.parametrize(
    ("decision", "options", "verdict"),
    [
        ("", (), "accept"),
        ("accept_above = 1.0\nreject_below = 0.0", (), "review"),
        ("accept_above = 1.0\nreject_below = 1.0", (), "reject"),
        ("accept_above = 1.0\nreject_below = 1.0", ("--reject-below", "0"), "review"),
        ("accept_above = 1.0", ("--accept-above", "0.5"), "accept"),
        ("min_contrast = 255.0", (), "review"),
        ("min_contrast = 255.0", ("--min-contrast", "0"), "accept"),
    ],
)
def test_classify_goes_by_the_thresholds_of_the_line(
    decision: str, options: tuple[str, ...], verdict: str, judged_by: Any
) -> None:
    assert judged_by(decision, *options) == {verdict}


def test_evaluate_goes_by_the_thresholds_of_the_line(judged_by: Any, model_path: Path) -> None:
    judged_by("accept_above = 1.0\nreject_below = 1.0")
    result = CliRunner().invoke(
        main, ["evaluate", str(model_path), "sample", "--config", "line.toml", "--json"]
    )
    figures = json.loads(result.stdout)
    assert figures["verdicts"]["good"] == {"accept": 0, "reject": 3, "review": 0}
    assert figures["operating_point"]["accept_above"] == 1.0


def test_copy_goes_with_sort_into(model_path: Path) -> None:
    result = CliRunner().invoke(main, ["classify", str(model_path), "parts", "--copy"])
    assert (result.exit_code, "--copy needs --sort-into" in result.output) == (2, True)
