"""A killed run continues, and only with the same inputs."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.train.conftest import write_parts

from partsight.cli.main import main

EPOCHS, KILLED_IN = 5, 3
ARGUMENTS = (
    *("--fine-tune", "all", "--fine-tune-epochs", str(EPOCHS), "--flip-left-right"),
    *("--augment-copies", "1"),
)
# The process kills itself before an epoch's checkpoint.
KILLED = f"""
import os, signal
from partsight.cli.main import main
from partsight_train.tensorflow_stack import keras

class Backup(keras.callbacks.BackupAndRestore):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == {KILLED_IN}:
            os.kill(os.getpid(), signal.SIGKILL)
        super().on_epoch_end(epoch, logs)

keras.callbacks.BackupAndRestore = Backup
main()
"""


def resume(parts: Path, run_dir: Path, backbone: Path, *arguments: str) -> Result:
    command = ["train", parts, "-o", run_dir, "--backbone", backbone, *ARGUMENTS, *arguments]
    return CliRunner().invoke(main, [str(each) for each in command])


def event_files(run_dir: Path) -> set[Path]:
    return set((run_dir / "logs" / "fine-tune" / "train").glob("events.out.*"))


def epochs_in(file: Path) -> list[int]:
    events = EventAccumulator(str(file), {"tensors": 0}).Reload()
    return [event.step for event in events.Tensors("epoch_loss")]


def epochs_done(run_dir: Path) -> int:
    """Number of epochs before the newest checkpoint, whose file is called ckpt-N."""
    checkpoint = run_dir / "checkpoints" / "fine-tune" / "chief" / "checkpoint"
    if not checkpoint.exists():
        return 0
    newest = re.search(r'^model_checkpoint_path: ".*ckpt-(\d+)"', checkpoint.read_text())
    return int(newest[1]) if newest else 0


@pytest.fixture(scope="module")
def killed(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run killed by SIGKILL during fine-tuning."""
    folder = tmp_path_factory.mktemp("killed")
    parts, run_dir = write_parts(folder / "parts"), folder / "run"
    command = ["train", parts, "-o", run_dir, "--backbone", tiny_backbone, *ARGUMENTS]
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, command)])
    assert killed.returncode == -signal.SIGKILL
    assert epochs_done(run_dir) == KILLED_IN
    return parts, run_dir


def test_a_killed_run_is_not_taken_for_a_finished_one(
    killed: tuple[Path, Path], tiny_backbone: Path
) -> None:
    parts, run_dir = killed
    assert not (run_dir / "model-int8.tflite").exists()
    result = resume(parts, run_dir, tiny_backbone)
    assert result.exit_code == 1
    assert "Continue the run in it with --resume" in result.output


CHANGED: list[tuple[tuple[str, ...], str]] = [
    (("--seed", "7"), "settings changed"),
    (("--l2", "0.5"), "settings changed"),
]


@pytest.mark.parametrize(("arguments", "message"), CHANGED)
def test_a_run_is_not_resumed_with_other_settings(
    killed: tuple[Path, Path], tiny_backbone: Path, arguments: tuple[str, ...], message: str
) -> None:
    parts, run_dir = killed
    result = resume(parts, run_dir, tiny_backbone, "--resume", *arguments)
    assert result.exit_code == 1
    assert message in result.output


def test_a_run_is_resumed_from_its_last_epoch(
    killed: tuple[Path, Path], tiny_backbone: Path
) -> None:
    parts, run_dir = killed
    done, earlier = epochs_done(run_dir), event_files(run_dir)
    result = resume(parts, run_dir, tiny_backbone, "--resume")
    assert result.exit_code == 0, result.output
    assert earlier < event_files(run_dir), "the earlier logs are still there"
    (later,) = event_files(run_dir) - earlier
    assert epochs_in(later) == list(range(done, EPOCHS))
    assert (run_dir / "model-int8.tflite").exists()
    assert not (run_dir / "checkpoints").exists()


def test_a_finished_run_is_not_resumed(killed: tuple[Path, Path], tiny_backbone: Path) -> None:
    parts, run_dir = killed
    result = resume(parts, run_dir, tiny_backbone, "--resume")
    assert result.exit_code == 1
    assert "is finished" in result.output


def test_resume_in_an_empty_folder_starts_a_run(
    parts: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    arguments: tuple[Any, ...] = ("train", parts, "-o", tmp_path / "run", "--resume")
    command = [*arguments, "--backbone", tiny_backbone]
    assert CliRunner().invoke(main, [str(each) for each in command]).exit_code == 0
