"""The heat map: exact in float, close in every variant, and hottest on the defect."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from partsight import Classifier
from partsight.cli.main import main
from partsight.decision.decide import OperatingPoint
from partsight.errors import ModelError
from partsight.image.overlay import overlay
from partsight.inference.interpreter import Interpreter, TensorInfo
from partsight.model.contract import Contract
from partsight.sample_data.defects import KINDS, damage
from partsight.sample_data.families import draw_blank
from partsight.sample_data.finish import finish
from partsight.sample_data.part import machine
from partsight.sample_data.scene import photograph
from partsight_train.backbones.backbone import open_backbone
from partsight_train.conversion.convert import convert
from partsight_train.conversion.names import VARIANTS, VariantName
from partsight_train.export.assemble import assemble
from partsight_train.export.heatmap import with_heatmap
from partsight_train.export.variant import ReferenceModel
from partsight_train.heads.head import Head
from partsight_train.network.activation_map import contributions
from partsight_train.settings import TrainSettings
from partsight_train.tensorflow_stack import keras, tf

# Tolerance for a margin of about 1: sums of some hundred float32 products.
EXACT = 1e-4
# Mean difference from the float map, relative to its largest value: rounding of float32, of
# float16, of int8 weights, and of int8 activations.
CLOSE: dict[VariantName, float] = {
    "none": 1e-5,
    "float16": 2e-3,
    "dynamic": 0.05,
    "int16x8": 0.05,
    "int8-float": 0.1,
    "int8": 0.1,
}
SIDE = 32
layers = keras.layers


def approve(
    folder: Path,
    *,
    labels: int = 2,
    good: tuple[str, ...] = ("a",),
    views: int = 1,
    columns: int = 1,
) -> ReferenceModel:
    """A backbone with a random head, like the result of ``open_finished_run``."""
    backbone = dataclasses.replace(open_backbone(str(folder)), views=views, tiles=(1, columns))
    spec = dataclasses.replace(backbone.spec, width=SIDE * columns)
    backbone = dataclasses.replace(backbone, spec=spec)
    generator = np.random.default_rng(1)
    kernel = generator.normal(size=(backbone.feature_size, labels)).astype(np.float32)
    model = assemble(backbone, Head(kernel, generator.normal(size=labels).astype(np.float32)))
    point = OperatingPoint(good)
    contract = Contract(tuple("abcd"[:labels]), spec, point, tiles=(1, columns))
    return ReferenceModel(model, contract, TrainSettings(), {}, np.empty((0, labels)))


def picture(columns: int = 1, seed: int = 2) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (4, 4 * columns, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (SIDE * columns, SIDE)), np.uint8)


def run(reference_model: ReferenceModel, columns: int = 1) -> tuple[np.ndarray, np.ndarray]:
    image = tf.constant(picture(columns)[np.newaxis] / np.float32(255))
    scores, heatmap = reference_model.network(image)
    return scores.numpy()[0], heatmap.numpy()[0, :, :, 0]


@pytest.mark.parametrize(
    ("labels", "good", "weights"),
    [
        (2, ("a",), (-1, 1)),
        (2, ("b",), (1, -1)),
        (3, ("b",), (0.5, -1, 0.5)),
        (4, ("a", "b", "d"), (-1 / 3, -1 / 3, 1, -1 / 3)),
    ],
)
def test_the_mean_of_the_map_is_the_margin(
    tiny_backbone: Path, labels: int, good: tuple[str, ...], weights: tuple[float, ...]
) -> None:
    scores, heatmap = run(with_heatmap(approve(tiny_backbone, labels=labels, good=good)))
    assert heatmap.shape == (8, 8)
    # The logits are the logarithms of the scores plus a constant.
    assert heatmap.mean() == pytest.approx(np.log(scores) @ weights, abs=EXACT)


@pytest.mark.parametrize(("views", "columns"), [(1, 1), (2, 1), (8, 1), (1, 2), (4, 2)])
def test_positions_agree_with_the_map_of_the_report(
    tiny_backbone: Path, views: int, columns: int
) -> None:
    """For mean pooling, the report computes the same map in a different way."""
    reference_model = approve(tiny_backbone, views=views, columns=columns)
    before = reference_model.network(picture(columns)[np.newaxis] / np.float32(255)).numpy()[0]
    explain = contributions(reference_model.network, (1, columns))
    assert explain is not None
    (shares,) = explain(picture(columns), 1)

    mapped = with_heatmap(reference_model)
    scores, heatmap = run(mapped, columns)

    assert mapped.draft.heatmap == heatmap.shape == (8, 8 * columns)
    np.testing.assert_array_equal(scores, before)
    bias_difference = heatmap - 64 * shares
    np.testing.assert_allclose(bias_difference, bias_difference.mean(), atol=EXACT)
    tiles = np.split(heatmap, columns, axis=1)
    for tile, of_tile in zip(tiles, np.atleast_2d(scores), strict=True):
        assert tile.mean() == pytest.approx(np.log(of_tile[1] / of_tile[0]), abs=EXACT)


def _convolved(x: Any) -> Any:
    return layers.Conv2D(4, 3, 2, "same", activation="relu")(x)


def channels_first(x: Any) -> Any:
    map_ = layers.Permute((3, 1, 2))(_convolved(x))
    return layers.Lambda(lambda a: tf.reduce_mean(a, [2, 3]))(map_)


def sums(x: Any) -> Any:
    map_ = _convolved(x)
    total = layers.Lambda(lambda a: tf.reduce_sum(a, [1, 2]) / 100)(map_)
    return layers.Concatenate()([total, layers.GlobalAveragePooling2D()(_convolved(map_))])


def flattened(x: Any) -> Any:
    return layers.Flatten()(_convolved(x))


def a_head_of_two_layers(x: Any) -> Any:
    return layers.Dense(8, "relu")(layers.GlobalAveragePooling2D()(_convolved(x)))


def save(make: Callable[[Any], Any], folder: Path) -> Path:
    keras.utils.set_random_seed(3)
    image = keras.Input((SIDE, SIDE, 3))
    keras.Model(image, make(image)).save(folder, save_format="tf", include_optimizer=False)
    return folder


def test_maps_of_all_depths_are_added_at_the_finest_resolution(tmp_path: Path) -> None:
    """The weights of means and maxima are added."""
    keras.utils.set_random_seed(3)
    image = keras.Input((SIDE, SIDE, 3))
    fine = _convolved(image)
    coarse = _convolved(fine)
    pools = (layers.GlobalAveragePooling2D(), layers.GlobalMaxPooling2D())
    pooled = layers.Concatenate()([pool(each) for each in (fine, coarse) for pool in pools])
    keras.Model(image, pooled).save(tmp_path / "module", save_format="tf")
    reference_model = approve(tmp_path / "module")

    scores, heatmap = run(with_heatmap(reference_model))

    kernel = (
        np.diff(reference_model.network.layers[-1].get_weights()[0])[:, 0].reshape(2, 2, 4).sum(1)
    )
    maps = keras.Model(image, [fine, coarse])(picture()[np.newaxis] / np.float32(255))
    by_depth = [each.numpy()[0] @ weights for each, weights in zip(maps, kernel, strict=True)]
    expected = by_depth[0] + cv2.resize(by_depth[1], (16, 16), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(heatmap - heatmap.mean(), expected - expected.mean(), atol=EXACT)
    assert heatmap.mean() == pytest.approx(np.log(scores[1] / scores[0]), abs=EXACT)


@pytest.mark.parametrize("make", [channels_first, sums])
def test_other_poolings_are_supported(make: Callable[[Any], Any], tmp_path: Path) -> None:
    reference_model = approve(save(make, tmp_path / "module"))
    explain = contributions(reference_model.network)
    assert explain is not None
    shares = [each * each.size for each in explain(picture(), 1)]
    expected = sum(tf.image.resize(each[..., None], (16, 16)).numpy()[..., 0] for each in shares)
    _, heatmap = run(with_heatmap(reference_model))
    np.testing.assert_allclose(heatmap - heatmap.mean(), expected - expected.mean(), atol=EXACT)


@pytest.mark.parametrize(
    ("make", "good", "message"),
    [
        (flattened, ("a",), "pools no feature maps"),
        (a_head_of_two_layers, ("a",), "is not linear"),
        (sums, (), "good labels: none. Train again with --accept-label"),
        (sums, ("a", "b"), "good labels: a, b. Train again with --accept-label"),
    ],
)
def test_networks_without_a_map_are_refused(
    make: Callable[[Any], Any], good: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=f"cannot add a heat map: .*{message}"):
        with_heatmap(approve(save(make, tmp_path / "module"), good=good))


def test_a_network_that_tensorflow_cannot_analyse_is_refused(
    tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise LookupError("gradient registry has no entry for: Rare")

    reference_model = approve(tiny_backbone)
    monkeypatch.setattr(tf, "gradients", refuse)
    with pytest.raises(ModelError, match="cannot add a heat map: .*no entry for: Rare.*without"):
        with_heatmap(reference_model)


def real(raw: NDArray[Any], info: TensorInfo) -> NDArray[np.float64]:
    numbers = raw.astype(np.float64)
    return numbers if info.scale == 0 else info.scale * (numbers - info.zero_point)


@pytest.mark.parametrize(
    ("variant", "views", "columns"),
    [
        *((variant, 1, 1) for variant in VARIANTS),
        *((variant, 8, 1) for variant in ("none", "int8", "int16x8")),
        *((variant, 2, 2) for variant in ("float16", "int8", "int8-float")),
    ],
)
def test_every_variant_gives_the_map_and_unchanged_scores(
    tiny_backbone: Path, variant: VariantName, views: int, columns: int
) -> None:
    reference_model = approve(tiny_backbone, views=views, columns=columns)
    mapped = with_heatmap(reference_model)
    shape = (SIDE, SIDE * columns, 3)
    calibration = [picture(columns, seed) for seed in range(2, 22)]
    without = Interpreter(convert(reference_model.network, shape, variant, calibration))
    with_map = Interpreter(convert(mapped.network, shape, variant, calibration))
    image = picture(columns)[np.newaxis]
    if with_map.input.dtype == np.float32:
        image = image / np.float32(255)

    scores = with_map.invoke(image)

    np.testing.assert_array_equal(scores, without.invoke(image))
    assert without.heatmap is None
    assert without.read_heatmap() is None
    raw, info = with_map.read_heatmap(), with_map.heatmap
    assert raw is not None
    assert info is not None
    assert (
        (raw.shape, raw.dtype) == (info.shape, info.dtype) == ((1, 8, 8 * columns, 1), scores.dtype)
    )
    _, exact = run(mapped, columns)
    difference = np.abs(real(raw[0, :, :, 0], info) - exact).mean()
    assert difference <= CLOSE[variant] * np.abs(exact).max()


# By chance it would be on the defect in a fifth of the parts.
ON_THE_DEFECT = 0.9


@pytest.mark.slow
def test_the_map_is_hottest_on_the_defect(tmp_path: Path) -> None:
    """Each part is rendered sound and damaged, in the same light and pose.

    Grey bars reveal a map that is stretched over them.
    """
    parts, run_dir, model = tmp_path / "parts", tmp_path / "run", tmp_path / "model.tflite"
    for command in (
        ["sample-data", parts, "--per-label", "100"],
        ["train", parts, "-o", run_dir, "--fit", "letterbox"],
        ["export", run_dir, "--quantize", "int8", "--heatmap", "-o", model],
    ):
        result = CliRunner().invoke(main, [str(each) for each in command])
        assert result.exit_code == 0, result.output
    classifier = Classifier.load(model)
    hits = []
    for seed in range(1000, 1060):
        sound, damaged = sound_and_damaged(seed)
        changed = (cv2.absdiff(sound, damaged).max(axis=2) > 12).astype(np.uint8)
        near = cv2.dilate(changed, np.ones((17, 17)))
        (prediction,) = classifier.classify([damaged])
        if prediction.label == "defected":
            assert prediction.heatmap is not None
            grey = np.full_like(damaged, 128)
            heat = np.abs(
                overlay(grey, prediction.heatmap, classifier.contract.preprocess).astype(int) - 128
            ).sum(axis=2)
            hits.append(near[np.unravel_index(heat.argmax(), heat.shape)])
    assert len(hits) > 40
    assert np.mean(hits) >= ON_THE_DEFECT


def sound_and_damaged(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    part = finish(machine(draw_blank(rng), chamfer_px=float(rng.uniform(4, 8))), rng)
    damaged = damage(part, KINDS[seed % len(KINDS)], rng)
    return photograph(part, copy.deepcopy(rng)), photograph(damaged, copy.deepcopy(rng))
