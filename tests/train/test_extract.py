"""Features by TFLite's float kernels equal those by TensorFlow."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from partsight_train.backbones.backbone import Backbone, open_backbone
from partsight_train.data.calibration import choose_calibration
from partsight_train.data.dataset import LabelledImage, Split
from partsight_train.data.extract import open_extractor
from partsight_train.tensorflow_stack import tf

# Sums of thousands of float32 products, in another order, through fifty layers.
SAME = 2e-4
# Share of the range of all features: 256 steps, and the rounding of every earlier layer.
NEAR = 0.05


def scenes(backbone: Backbone) -> NDArray[np.uint8]:
    """Three different smooth surfaces with noise, uint8 (3, H, W, 3)."""
    height, width = backbone.spec.height, backbone.spec.width
    generator = np.random.default_rng(0)
    slopes = np.linspace(0, 1, height)[:, np.newaxis] * np.linspace(255, 0, width)
    noise = generator.normal(0, 30, (3, height, width, 3))
    levels = np.array([-60, 0, 60]).reshape(3, 1, 1, 1)
    return np.clip(slopes[..., np.newaxis] + levels + noise, 0, 255).astype(np.uint8)


def tiled(backbone: Backbone) -> Backbone:
    side = backbone.spec.height
    spec = dataclasses.replace(backbone.spec, height=2 * side, width=3 * side)
    return dataclasses.replace(backbone, spec=spec, tiles=(2, 3))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("tiny", "whole"),
        ("tiny", "two views"),
        ("tiny", "tiles"),
        ("efficientnet-lite0", "whole"),
        pytest.param("efficientnet-lite0", "two views", marks=pytest.mark.slow),
        pytest.param("efficientnet-lite0", "tiles", marks=pytest.mark.slow),
    ],
)
def test_tflite_and_tensorflow_agree(
    name: str, shape: str, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = open_backbone(str(tiny_backbone) if name == "tiny" else name)
    if shape == "two views":
        backbone = dataclasses.replace(backbone, views=2)
    elif shape == "tiles":
        backbone = tiled(backbone)
    images = scenes(backbone)
    by_tflite = open_extractor(backbone)(images)
    # TensorFlow computes if there is a GPU; the same function runs without one.
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    by_tensorflow = open_extractor(backbone)(images)

    assert by_tflite.shape == by_tensorflow.shape == (3, backbone.vector_size)
    spread = by_tensorflow.std()
    assert spread > 0
    assert np.abs(by_tflite - by_tensorflow).max() < SAME * max(1, np.abs(by_tensorflow).max())
    assert np.abs(by_tflite[0] - by_tflite[1]).max() > 100 * SAME * spread


def test_int8_features_are_close_to_float_features(tiny_backbone: Path, tmp_path: Path) -> None:
    backbone = tiled(open_backbone(str(tiny_backbone)))
    images = scenes(backbone)
    paths = [tmp_path / f"{number}.png" for number in range(len(images))]
    for path, pixels in zip(paths, images, strict=True):
        Image.fromarray(pixels).save(path)
    labelled = [LabelledImage(path, 0, Split.TRAIN, 0.0) for path in paths]
    calibration = choose_calibration(labelled, backbone.spec, 3, 0)

    exact = open_extractor(backbone)(images)
    rounded = open_extractor(backbone, calibration)(images)
    assert rounded.shape == exact.shape == (3, backbone.vector_size)
    assert 0 < np.abs(rounded - exact).max() < NEAR * np.ptp(exact)
    assert len(np.unique(rounded)) <= 256
