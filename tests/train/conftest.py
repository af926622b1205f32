"""Small inputs for training: a tiny backbone, tiny labelled folders, a cache."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

TINY_SIDE = 32
TINY_FEATURES = 16


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for the session, so that an embedded backbone is built once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARTSIGHT_CACHE_DIR", str(folder))
        patch.setenv("TFHUB_CACHE_DIR", str(folder / "tfhub"))
        yield folder


class Blank(Figure):
    """Prepare a chart without drawing it, which takes nearly all of the time."""

    def savefig(self, fname: TextIO, **options: Any) -> None:  # type: ignore[override]
        fname.write('<svg viewBox="0 0 1 1"></svg>')


@pytest.fixture(scope="session", autouse=True)
def _blank_charts() -> Iterator[None]:
    """The charts of a report are prepared but not drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("partsight_train.report.svg.Figure", Blank)
        yield


@contextlib.contextmanager
def charts_are_drawn() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("partsight_train.report.svg.Figure", Figure)
        yield


@pytest.fixture(scope="module")
def drawn_charts() -> Iterator[None]:
    """Draw the charts, for tests of the report."""
    with charts_are_drawn():
        yield


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel with random weights: RGB in [0, 1] (N, 32, 32, 3) to features (N, 16)."""
    from partsight_train.tensorflow_stack import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((TINY_SIDE, TINY_SIDE, 3), name="image"),
            layers.Conv2D(8, 3, 2, "same", activation="relu"),
            layers.Conv2D(TINY_FEATURES, 3, 2, "same", activation="relu"),
            layers.GlobalAveragePooling2D(),
        ]
    )
    folder = tmp_path_factory.mktemp("backbone") / "tiny"
    model.save(folder, save_format="tf", include_optimizer=False)
    return folder


def write_parts(folder: Path, per_label: int = 30) -> Path:
    """Labelled images that the tiny backbone can separate: dark and bright, with noise."""
    generator = np.random.default_rng(0)
    for label, level in (("defected", 60), ("healthy", 180)):
        (folder / label).mkdir(parents=True)
        for index in range(per_label):
            noise = generator.integers(-40, 40, (48, 64, 3))
            pixels = np.clip(level + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"part{index:03d}.png")
    return folder


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return write_parts(tmp_path / "parts")
