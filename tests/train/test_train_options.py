"""Options of ``partsight train``: help, former names, the run file, options without effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from partsight.cli.main import main
from partsight_train.cli.train import command as train
from partsight_train.cli.tune import command as tune


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def parsed(*arguments: object, command: click.Command = train) -> dict[str, Any]:
    words = ["folder", "-o", "run", *map(str, arguments)]
    return command.make_context("command", words).params


def options_in(text: str) -> set[str]:
    words = (word.strip("[],/") for word in text.replace("/", " ").split())
    return {word for word in words if word.startswith("--")}


def spellings(command: click.Command) -> set[str]:
    options = [each for each in command.params if isinstance(each, click.Option)]
    return {name for each in options for name in (*each.opts, *each.secondary_opts)}


def test_help_is_short_and_help_all_is_complete() -> None:
    short, complete = invoke("train", "--help"), invoke("train", "--help-all")
    assert (short.exit_code, complete.exit_code) == (0, 0)
    basic = {"--run-dir", "--backbone", "--image-size", "--tta", "--tiles", "--accept-label"}
    assert basic | {"--help-all", "--config", "--augment"} <= options_in(short.output)
    assert "--learning-rate" not in options_in(short.output)
    assert "--rotation" not in options_in(short.output)
    long = {name for name in spellings(train) if name.startswith("--")}
    assert long <= options_in(complete.output)
    assert not {"--views", "--fit", "--copies", "--keep-best-at"} & options_in(complete.output)


@pytest.mark.parametrize(
    ("command", "former", "current", "value"),
    [
        (train, "--views", "--tta", "4"),
        (train, "--fit", "--resize-mode", "letterbox"),
        (train, "--copies", "--augment-copies", "2"),
        (train, "--keep-best", "--monitor", "auc"),
        (train, "--keep-best-at", "--monitor-at", "0.5"),
        (train, "--calibration", "--calibration-images", "9"),
        (tune, "--vary", "--augment", "flips"),
    ],
)
def test_a_former_name_does_the_same_as_the_current_one(
    command: click.Command, former: str, current: str, value: str
) -> None:
    default = parsed(command=command)
    changed = parsed(current, value, command=command)
    assert changed != default
    assert parsed(former, value, command=command) == changed
    assert parsed(f"{former}={value}", command=command) == changed


def test_augment_sets_the_options_of_its_changes() -> None:
    flipped = parsed("--augment", "flips")
    assert (flipped["flip_left_right"], flipped["flip_up_down"]) == (True, True)
    assert (flipped["rotation"], flipped["copies"]) == (0, 3)
    both = parsed("--augment", "flips", "--augment", "moves", "--rotation", "20")
    assert (both["flip_left_right"], both["zoom"], both["rotation"]) == (True, 0.05, 20)


RUN_FILE = """
image_size = 320
tta = 4
tiles = "2x3"
l2 = 0.01
accept_label = ["good", "fair"]
augment = ["light"]
brightness = 0.5
flip_up_down = true
scale_features = false
seed = 7
"""


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(RUN_FILE)
    return path


def test_a_run_file_does_the_same_as_the_command_line(run_file: Path) -> None:
    words = (
        *("--image-size", "320", "--tta", "4", "--tiles", "2x3", "--l2", "0.01"),
        *("--accept-label", "good", "--accept-label", "fair", "--augment", "light"),
        *("--brightness", "0.5", "--flip-up-down", "--raw-features", "--seed", "7"),
    )
    assert parsed("--config", run_file) == parsed(*words)
    assert parsed(*words)["contrast"] == 0.15


def test_the_command_line_beats_the_run_file(run_file: Path) -> None:
    words = ("--seed", "8", "--views", "2", "--brightness", "0.25")
    found = parsed(*words, "--config", run_file)
    assert (found["seed"], found["views"], found["brightness"]) == (8, 2, 0.25)
    assert found["image_size"] == 320


@pytest.mark.parametrize("order", [1, -1])
def test_the_run_file_beats_a_preset(run_file: Path, order: int) -> None:
    pairs = [("--config", str(run_file)), ("--preset", "retrain")][::order]
    found = parsed(*(word for pair in pairs for word in pair))
    assert (found["l2"], found["optimizer"], found["steps"]) == (0.01, "sgd", 4000)


def test_a_run_file_may_choose_the_preset_and_the_run_folder(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('preset = "retrain"\nrun_dir = "runs/a"\n', "utf-16")
    found = train.make_context("train", ["folder", "--config", str(path)]).params
    assert (found["run_dir"], found["backbone"]) == (Path("runs/a"), "inception-v3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tille = '2x3'", "unknown key 'tille'. Did you mean tiles?"),
        ("vews = 4", "unknown key 'vews'. Did you mean tta?"),
        ("seed = 'x'", "seed: 'x' is not a valid integer range"),
        ("seed = -1", "seed: -1 is not in the range"),
        ("image_size = 22.5", "image_size: '22.5' is not a valid integer range"),
        ("flip_up_down = 1", "flip_up_down: expected true or false. Received: 1"),
        ("seed = true", "seed: expected text or a number. Received: True"),
        ("tta = 2\nviews = 4", "views is given twice"),
        ("seed 4", "is not a TOML file"),
        (None, "cannot read"),
    ],
)
def test_a_wrong_run_file_fails_in_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "run.toml"
    if text is not None:
        path.write_text(text)
    result = invoke("train", tmp_path, "-o", tmp_path / "run", "--config", path)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert str(path) in line
    assert message in line


STEPS = ("--optimizer", "adam")
COSTS = ("--cost-escape", "9", "--cost-false-reject", "1")
WITHOUT_EFFECT = [
    (("--learning-rate", "0.1"), STEPS),
    (("--epochs", "9"), STEPS),
    (("--monitor-at", "0.9"), (*STEPS, "--monitor", "precision-at-recall")),
    (("--momentum", "0.9", *STEPS), ("--optimizer", "sgd")),
    (("--preset", "retrain", "--epochs", "9"), None),
    (("--fine-tune-epochs", "2"), ("--fine-tune", "top")),
    (("--fine-tune-learning-rate", "1e-3"), ("--fine-tune", "all")),
    (("--augment-copies", "2"), ("--shift", "0.1")),
    (("--defect-rate", "0.1"), COSTS),
    (("--target-recall", "0.9", *COSTS), ("--cross-validate", "3")),
]


@pytest.mark.parametrize(("words", "cure"), WITHOUT_EFFECT)
def test_an_option_without_effect_is_wrong_usage(
    tmp_path: Path, words: tuple[str, ...], cure: tuple[str, ...] | None
) -> None:
    missing = tmp_path / "missing"
    result = invoke("train", missing, "-o", tmp_path / "run", *words)
    assert result.exit_code == 2
    assert "no effect" in result.stderr.splitlines()[-1]
    if cure is not None:
        accepted = invoke("train", missing, "-o", tmp_path / "run", *words, *cure)
        assert accepted.exit_code == 1, accepted.output
        assert "is not a folder" in accepted.stderr


def test_an_option_without_effect_in_the_run_file_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("learning_rate = 0.1\n")
    result = invoke("train", tmp_path / "missing", "-o", tmp_path / "run", "--config", path)
    assert result.exit_code == 2
    assert "--learning-rate has no effect without --optimizer" in result.stderr


def test_options_of_a_preset_are_not_refused(tmp_path: Path) -> None:
    """The preset sets options for sgd; the command line chooses another optimizer."""
    words = ("--preset", "retrain", "--optimizer", "lbfgs")
    result = invoke("train", tmp_path / "missing", "-o", tmp_path / "run", *words)
    assert "is not a folder" in result.stderr


def test_an_address_is_no_run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(train, ["parts", "-o", "s3://KEY:SEKRET9@bucket/run"])
    assert result.exit_code == 2
    assert "is an address, not a path on this machine" in result.output
    assert "SEKRET9" not in result.output
    assert not list(tmp_path.iterdir())
