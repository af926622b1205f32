"""The examples in docs/python.md run, and it names everything public."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

import partsight

DOCUMENT = Path(__file__, "../../../docs/python.md").resolve().read_text()


def test_the_example_runs(
    tmp_path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model-int8.tflite").symlink_to(model_path)
    Path("captured").mkdir()
    rng = np.random.default_rng(0)
    for number in range(10):
        part_bgr = cv2.resize(rng.integers(0, 256, (6, 6, 3), np.uint8), (300, 300))
        cv2.imwrite(f"captured/part-{number:02}.jpg", part_bgr)
    Path("captured/part-99.jpg").write_bytes(b"")

    exec("\n".join(re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)), {})

    label, verdict, *worst, verdicts, error = capsys.readouterr().out.splitlines()
    assert label.split()[0] in {"defected", "healthy"}
    assert verdict in {"accept", "reject", "review"}
    assert worst == sorted(worst, key=lambda line: float(line.split()[1]))
    assert "'failed': 1" in verdicts
    assert "no-such-model.tflite" in error


def test_all_public_names_are_documented() -> None:
    assert all(f"`{name}`" in DOCUMENT for name in partsight.__all__)
