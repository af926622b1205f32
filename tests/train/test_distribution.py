"""Fine-tuning by two workers: two processes on this machine that find each other."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from partsight_train.fit.distribution import open_strategy
from partsight_train.settings import FineTuneSettings
from partsight_train.tensorflow_stack import keras, tf

WORKERS = 2


def free_ports(count: int) -> list[int]:
    """Free ports; all stay bound until the last is chosen."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def weights(run: Path) -> list[np.ndarray]:
    return [variable.numpy() for variable in keras.models.load_model(run / "saved_model").weights]


@pytest.mark.slow
def test_two_workers_train_the_same_model(parts: Path, tiny_backbone: Path, tmp_path: Path) -> None:
    addresses = [f"127.0.0.1:{port}" for port in free_ports(WORKERS)]
    runs = [tmp_path / f"worker{index}" for index in range(WORKERS)]
    workers = []
    for index, run in enumerate(runs):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        command = [sys.executable, "-m", "partsight", "train", parts, "-o", run]
        options = ["--backbone", tiny_backbone, "--fine-tune", "all", "--fine-tune-epochs", "2"]
        workers.append(
            subprocess.Popen(
                [*map(str, [*command, *options]), "--distribute", "multi-worker"],
                env={**os.environ, "TF_CONFIG": config},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    output = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * WORKERS, output

    first, second = (weights(run) for run in runs)
    frozen = weights_of_backbone(tiny_backbone)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    moved = [np.abs(one - before).max() for one, before in zip(first, frozen, strict=False)]
    assert max(moved) > 0
    metrics = [json.loads((run / "metrics.json").read_text()) for run in runs]
    assert metrics[0] == metrics[1]


def weights_of_backbone(folder: Path) -> list[np.ndarray]:
    return [variable.numpy() for variable in keras.models.load_model(folder).weights]


@pytest.mark.parametrize(
    ("distribute", "kind"),
    [("none", tf.distribute.Strategy), ("mirrored", tf.distribute.MirroredStrategy)],
)
def test_the_strategy_of_one_machine_is_opened(distribute: str, kind: type) -> None:
    strategy = open_strategy(FineTuneSettings(distribute=distribute))  # type: ignore[arg-type]
    assert isinstance(strategy, kind)
    assert strategy.num_replicas_in_sync == 1
