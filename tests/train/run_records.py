"""Made-up run records for tests of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from partsight.evaluation.evaluate import ScoredImages
from partsight.image.spec import PreprocessSpec
from partsight_train.export.gate import compare
from partsight_train.fit.measure import split_metrics
from partsight_train.fit.operating_point import operating_point
from partsight_train.report import RunRecord
from partsight_train.settings import TrainSettings

# Names that could break a page, a chart or a line of text.
NASTY_NAMES = (
    "<script>alert(1).png",
    "\"onerror='alert(1)' &amp;.png",
    "{{ 7 * 7 }}{% raw %}.png",
    "$x^2_{.png",
    "right-to-\N{RIGHT-TO-LEFT OVERRIDE}left.png",
    "two\nlines.png",
    "no-unicode-\udcff.png",
    "螺丝 \N{NUT AND BOLT}.png",
    "long-" * 45 + ".png",
)


def scored(
    true: Sequence[int], scores: Any, folder: Path, names: Sequence[str] = ()
) -> ScoredImages:
    """Scored images from scores, float (N, K); those with names are written to ``folder``."""
    paths = [folder / name for name in names]
    paths += [folder / f"part{index}.png" for index in range(len(names), len(true))]
    for path in paths[: len(names)]:
        noise = np.random.default_rng(len(path.name)).integers(0, 256, (96, 64, 3), np.uint8)
        Image.fromarray(noise).save(path)
    table = np.asarray(scores, np.float64)
    return ScoredImages(tuple(paths), np.array(true, np.intp), table, np.full(len(true), 0.005), ())


def record(
    labels: tuple[str, ...],
    on_test: ScoredImages,
    accept_labels: tuple[str, ...] = (),
    **others: Any,
) -> RunRecord:
    """A record of test images that also set the thresholds."""
    point = operating_point(labels, accept_labels, TrainSettings(), on_test.true, on_test.scores)
    figures = split_metrics(labels, on_test.true, on_test.scores, point)
    parity = compare(labels, on_test.true, on_test.scores, on_test.scores)
    metrics = {**figures, "int8": {**figures, "parity": parity}}
    provenance = {"created_at": "2025-01-02T03:04:05+00:00", "settings": {"backbone": "tiny"}}
    values = {"metrics": metrics, "provenance": provenance, "on_validation": on_test}
    return RunRecord(**{**values, "on_test": on_test, **others})


def two_labels(folder: Path, count: int = 40, seed: int = 0) -> RunRecord:
    """Bad and good parts with some mistakes, and all optional values of a report."""
    generator = np.random.default_rng(seed)
    true = np.arange(count) % 3 % 2
    good = np.clip(0.3 + 0.4 * true + generator.normal(0, 0.22, count), 0, 1).round(2)
    images = scored(true, np.stack([1 - good, good], axis=1), folder, _mistaken_first(true, good))
    epochs = [
        {"loss": 1 / e, "accuracy": 1 - 0.3 / e, "val_loss": 1.2 / e, "val_accuracy": 1 - 0.4 / e}
        for e in range(1, 31)
    ]
    return record(
        ("bad", "good"),
        images,
        ("good",),
        history={"head": epochs, "fine-tune": epochs[:1]},
        sizes={"model-int8.tflite": 4_012_345, "model-float16.tflite": 8_000_000_000},
        splits={
            "bad": {"train": 60, "validation": 8, "test": 9},
            "good": {"train": 90, "validation": 10, "test": 12},
        },
        findings=["part7.png and part9.png show <the same>"],
        maps=lambda path, label: np.eye(7, dtype=np.float32),
        seconds={"features": 12.34, "export": 5.6},
        spec=PreprocessSpec(224, 320),
        model_sha256="ab" * 32,
        command_line="partsight train parts -o run",
    )


def _mistaken_first(true: np.ndarray, good: np.ndarray) -> list[str]:
    """Names for all images up to the last mistake, so that each mistake has an image file."""
    wrong = np.flatnonzero((good > 0.5) != true)
    plain = [f"shot{index}.png" for index in range(int(wrong.max()) + 1)]
    for name, index in zip(NASTY_NAMES, wrong, strict=False):
        plain[index] = name
    return plain
