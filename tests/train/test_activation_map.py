"""Activation maps: exact for linear heads on pools, for backbones of several kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from partsight.errors import ImageError
from partsight.image.spec import PreprocessSpec
from partsight_train.backbones.backbone import open_backbone
from partsight_train.export.assemble import assemble
from partsight_train.heads.head import Head
from partsight_train.network.activation_map import contributions, map_of_file
from partsight_train.tensorflow_stack import keras, tf

# Sums of some thousand float32 products of numbers near 1.
EXACT = 1e-4
SIDE = 32
layers = keras.layers


def _maps(x: Any) -> Any:
    return layers.Conv2D(8, 3, 2, "same", activation="relu")(x)


def mean_and_maximum(x: Any) -> Any:
    first = _maps(x)
    pools = [
        pool(map_)
        for map_ in (first, _maps(first))
        for pool in (layers.GlobalAveragePooling2D(), layers.GlobalMaxPooling2D())
    ]
    return layers.Concatenate()(pools)


def windows(x: Any) -> Any:
    pools = layers.AveragePooling2D(16)(_maps(x)), layers.MaxPooling2D(16)(_maps(x))
    return layers.Concatenate()([layers.Flatten()(pool) for pool in pools])


def pool_of_a_pool(x: Any) -> Any:
    return layers.GlobalAveragePooling2D()(layers.GlobalMaxPooling2D(keepdims=True)(_maps(x)))


def channels_first(x: Any) -> Any:
    map_ = layers.Permute((3, 1, 2))(_maps(x))
    return layers.Lambda(lambda a: tf.reduce_mean(a, [-1, -2]))(map_)


def squeeze_and_excitation(x: Any) -> Any:
    map_ = _maps(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(map_)
    return layers.GlobalAveragePooling2D()(map_ * layers.Dense(8, "sigmoid")(gate))


def a_pool_that_also_gates(x: Any) -> Any:
    map_ = _maps(x)
    pooled = layers.GlobalAveragePooling2D()(map_)
    gated = map_ * layers.Reshape((1, 1, 8))(pooled)
    return layers.Concatenate()([pooled, layers.GlobalMaxPooling2D()(gated)])


def flattened(x: Any) -> Any:
    return layers.Flatten()(_maps(x))


def save(make: Callable[[Any], Any], folder: Path) -> Path:
    keras.utils.set_random_seed(0)
    picture = keras.Input((SIDE, SIDE, 3))
    module = keras.Model(picture, make(picture))
    module.save(folder, save_format="tf", include_optimizer=False)
    return folder


def model_of(folder: Path, count: int = 3) -> tuple[keras.Model, Head]:
    backbone = open_backbone(str(folder))
    generator = np.random.default_rng(1)
    kernel = generator.normal(size=(backbone.feature_size, count)).astype(np.float32)
    head = Head(kernel, generator.normal(size=count).astype(np.float32))
    return assemble(backbone, head), head


def picture() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def less_the_others(values: np.ndarray, label: int) -> float:
    return float(values[label] - np.delete(values, label).mean())


def assert_exact(model: keras.Model, head: Head) -> list[np.ndarray]:
    explain = contributions(model)
    assert explain is not None
    scores = model(picture()[np.newaxis] / np.float32(255)).numpy()[0]
    for label in range(len(head.bias)):
        parts = explain(picture(), label)
        total = sum(float(part.sum()) for part in parts) + less_the_others(head.bias, label)
        # Logits are the logarithms of the scores, up to a constant.
        assert total == pytest.approx(less_the_others(np.log(scores), label), abs=EXACT)
    return parts


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (mean_and_maximum, {(16, 16): 2, (8, 8): 2}),
        (windows, {(16, 16): 2}),
        (pool_of_a_pool, {(16, 16): 1}),
        (channels_first, {(16, 16): 1}),
        (squeeze_and_excitation, {(16, 16): 1}),
        (a_pool_that_also_gates, {(16, 16): 2}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_contributions_and_bias_add_up_to_the_margin(
    make: Callable[[Any], Any], shapes: dict[tuple[int, int], int], tmp_path: Path
) -> None:
    parts = assert_exact(*model_of(save(make, tmp_path / "module")))
    found = [part.shape for part in parts]
    assert {shape: found.count(shape) for shape in found} == shapes


@pytest.mark.parametrize("count", [2, 3])
def test_maps_of_the_tiny_backbone_add_up_to_the_margin(tiny_backbone: Path, count: int) -> None:
    assert_exact(*model_of(tiny_backbone, count))


def test_a_backbone_without_pools_has_no_maps(tmp_path: Path) -> None:
    model, _ = model_of(save(flattened, tmp_path / "module"))
    assert contributions(model) is None
    assert map_of_file(model, PreprocessSpec(SIDE, SIDE))(tmp_path / "any.png", 0) is None


def test_a_model_without_a_softmax_has_no_maps() -> None:
    image = keras.Input((SIDE, SIDE, 3))
    model = keras.Model(image, layers.Dense(2)(mean_and_maximum(image)))
    assert contributions(model) is None


def test_a_network_that_cannot_be_analysed_has_no_maps_and_a_warning(
    tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise LookupError("gradient registry has no entry for: Rare")

    model, _ = model_of(tiny_backbone)
    monkeypatch.setattr(tf, "gradients", refuse)
    assert contributions(model) is None
    assert "no entry for: Rare" in caplog.text


def test_the_map_of_a_file_highlights_the_evidence(tmp_path: Path) -> None:
    """A network that detects red, and an image with a red spot."""
    image = keras.Input((SIDE, SIDE, 3))
    red = layers.Lambda(lambda x: tf.nn.relu(x[..., :1] - x[..., 1:2]))(image)
    pooled = layers.AveragePooling2D(4)(red)
    folder = tmp_path / "module"
    keras.Model(image, layers.GlobalAveragePooling2D()(pooled)).save(folder, save_format="tf")
    head = Head(np.array([[-50.0, 50.0]], np.float32), np.zeros(2, np.float32))
    model = assemble(open_backbone(str(folder)), head)
    pixels = np.full((SIDE, SIDE, 3), 90, np.uint8)
    pixels[4:12, 20:28] = (250, 10, 10)
    Image.fromarray(pixels).save(tmp_path / "spot.png")

    map_of = map_of_file(model, PreprocessSpec(SIDE, SIDE))

    found = map_of(tmp_path / "spot.png", 1)
    assert found is not None
    assert (found.shape, found.dtype) == ((SIDE, SIDE), np.float32)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert (4 <= row < 12, 20 <= column < 28) == (True, True)
    margin = 100 * (pixels[..., 0] - pixels[..., 1].astype(float)).mean() / 255
    assert found.sum() == pytest.approx(margin, rel=EXACT)
    np.testing.assert_allclose(map_of(tmp_path / "spot.png", 0), -found)
    with pytest.raises(ImageError):
        map_of(tmp_path / "none.png", 0)
