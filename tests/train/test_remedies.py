"""Networks that plain quantization ruins, and what mends each of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from partsight.decision.operating_point import OperatingPoint
from partsight.errors import ModelError
from partsight.image.spec import PreprocessSpec
from partsight.model.contract import Contract
from partsight.model.file import load_model_file
from partsight_train.conversion.names import VariantName
from partsight_train.data.calibration import choose_calibration
from partsight_train.data.dataset import LabelledImage, Split
from partsight_train.export import fallback_fine_tuning as fine_tuned_module
from partsight_train.export.fallback_calibration import farthest_first, more_calibration
from partsight_train.export.fallback_fine_tuning import fine_tuned
from partsight_train.export.fallback_head import Wanted, refit, refitted_head
from partsight_train.export.fallback_layers import sensitive_layers
from partsight_train.export.fallbacks import REMEDIES, Remedied, Remedy, with_fallbacks
from partsight_train.export.gate import Limits, breaches
from partsight_train.export.runtime_gate import runtime_failures
from partsight_train.export.variant import ConversionSpec, ReferenceModel, plain_recipe
from partsight_train.heads.head import Head, predict
from partsight_train.settings import TrainSettings
from partsight_train.tensorflow_stack import tf

LABELS = ("defected", "healthy")
SIDE = 32
SPEC = PreprocessSpec(SIDE, SIDE)
Network = Callable[[Any], Any]
# Red, green and blue of each label's parts, over [0, 1].
Colours = dict[str, list[tuple[float, float, float]]]
BY_RED: Colours = {"defected": [(0.3, 0.9, 0.5)], "healthy": [(0.7, 0.9, 0.5)]}


def write(folder: Path, colours: Colours) -> dict[Split, list[LabelledImage]]:
    """Pictures of each colour in turn; every fifth part has the last colour of its label."""
    generator = np.random.default_rng(0)
    parts: dict[Split, list[LabelledImage]] = {}
    for part, count in ((Split.TRAIN, 20), (Split.VALIDATION, 10), (Split.TEST, 20)):
        parts[part] = []
        for label, name in enumerate(LABELS):
            for index in range(count):
                colour = colours[name][-1 if index % 5 == 3 else 0]
                noise = generator.uniform(-0.05, 0.05, (SIDE, SIDE, 3))
                shift = generator.uniform(-0.05, 0.05)
                pixels = np.clip(np.array(colour) + noise + shift, 0, 1) * 255
                path = folder / f"{part.value}-{name}-{index}.png"
                Image.fromarray(pixels.astype(np.uint8)).save(path)
                parts[part].append(LabelledImage(path, label, part, 0.0))
    return parts


def approve(
    network: Network, pictures: dict[Split, list[LabelledImage]], calibration: int = 200
) -> ReferenceModel:
    """The network as approved, with its own scores of its pictures."""

    def scores(part: Split) -> Any:
        fed = [np.asarray(Image.open(each.path), np.float32) / 255 for each in pictures[part]]
        return np.asarray(network(tf.constant(np.stack(fed))), np.float64)

    draft = Contract(LABELS, SPEC, OperatingPoint(("healthy",)))
    by_split = {part: scores(part) for part in (Split.VALIDATION, Split.TEST)}
    settings = TrainSettings(calibration=calibration)
    return ReferenceModel(network, draft, settings, pictures, by_split)


def with_head(features: Network, kernel: list[list[float]], bias: list[float]) -> Network:
    weights, shift = tf.Variable(kernel), tf.Variable(bias)
    return lambda image: tf.nn.softmax(tf.nn.bias_add(features(image) @ weights, shift))


def mixed(*channels: Any) -> Network:
    """Features that are weighted sums of red, green and blue: values of one layer."""
    kernel = tf.Variable(np.transpose(channels)[np.newaxis, np.newaxis].astype(np.float32))
    return lambda image: tf.reduce_mean(tf.nn.conv2d(image, kernel, 1, "SAME"), [1, 2])


RED, GREEN, BLUE = np.eye(3)
# Red tells the label; what is a thousand times as large sets the steps of both.
RED_BESIDE_A_GIANT = (RED, 1000 * GREEN)
RED_TWICE = (RED, 1000 * RED)
BY_SMALL_RED = ([[-10.0, 10.0], [0.0, 0.0]], [5.0, -5.0])


@pytest.fixture
def drowned(tmp_path: Path) -> ReferenceModel:
    """A network whose deciding feature is lost in int8."""
    return approve(with_head(mixed(*RED_BESIDE_A_GIANT), *BY_SMALL_RED), write(tmp_path, BY_RED))


def attempt(reference_model: ReferenceModel, variant: VariantName, **remedies: Remedy) -> Remedied:
    made = with_fallbacks(reference_model, variant, Limits(), lambda data: [], remedies)
    assert made.attempts[0].remedy == "none"
    assert made.attempts[0].refusals, "the plain file must be one that needs a remedy"
    return made


def test_ranges_that_rare_pictures_exceed_take_more_calibration(tmp_path: Path) -> None:
    """Rare parts are told by green against blue, both far out of the ranges of the others."""
    colours: Colours = {
        "defected": [(0.1, 0.1, 0.1), (0.2, 0.9, 0.6)],
        "healthy": [(0.3, 0.1, 0.1), (0.2, 0.6, 0.9)],
    }
    network = with_head(
        mixed(RED, GREEN, BLUE),
        [[-20.0, 20.0], [20.0, -20.0], [-20.0, 20.0]],
        [4.0, -4.0],
    )
    reference_model = approve(network, write(tmp_path, colours), calibration=2)
    made = attempt(reference_model, "int8", more=more_calibration)
    assert made.passed
    assert made.file.parity["agreement"] == 1.0
    assert made.file.contract.provenance["export"]["calibration"]["pictures"] == 8


@pytest.mark.parametrize("variant", ["int8", "int8-float"])
def test_a_feature_that_int8_drowns_is_replaced_by_the_head(
    variant: VariantName, tmp_path: Path
) -> None:
    reference_model = approve(with_head(mixed(*RED_TWICE), *BY_SMALL_RED), write(tmp_path, BY_RED))
    made = attempt(reference_model, variant, head=refitted_head)
    assert made.passed
    assert made.file.parity["agreement"] == 1.0


@pytest.mark.parametrize("variant", ["int8", "int8-float"])
def test_a_layer_that_drowns_another_is_kept_in_float(
    variant: VariantName, drowned: ReferenceModel
) -> None:
    made = attempt(drowned, variant, layers=sensitive_layers)
    assert made.passed
    assert made.file.parity["agreement"] == 1.0
    assert made.file.contract.provenance["export"]["in_float"]
    assert runtime_failures(made.file.data) == []


@pytest.fixture
def coarse(tmp_path: Path) -> ReferenceModel:
    """A weight of what is always zero sets the steps of the kernel, of which red gets one."""
    kernel = tf.Variable(np.reshape([1.15, 0, 0, 100, 0, 0], (1, 1, 6, 1)).astype(np.float32))

    def features(image: Any) -> Any:
        seen = tf.concat([image, tf.nn.relu(image - 2.0)], 3)
        return tf.reduce_mean(tf.nn.conv2d(seen, kernel, 1, "SAME"), [1, 2])

    return approve(with_head(features, [[-10.0, 10.0]], [5.75, -5.75]), write(tmp_path, BY_RED))


@pytest.mark.parametrize("variant", ["int8", "int8-float", "int16x8"])
def test_kernels_learn_to_bear_their_steps(
    variant: VariantName, coarse: ReferenceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a toy: its weights are few, and far from where they shall be.
    monkeypatch.setattr(fine_tuned_module, "_LEARNING_RATE", 0.1)
    monkeypatch.setattr(fine_tuned_module, "_EPOCHS", 40)
    made = attempt(coarse, variant, tuning=fine_tuned)
    assert made.passed
    assert made.file.parity["agreement"] == 1.0


def test_they_are_tried_in_their_order_and_written_down(drowned: ReferenceModel) -> None:
    made = with_fallbacks(drowned, "int8", Limits(), runtime_failures)
    assert list(REMEDIES) == [
        "more-calibration",
        "refitted-head",
        "sensitive-layers",
        "fine-tuning",
    ]
    tried = [(each.remedy, each.passed) for each in made.attempts]
    assert tried == [
        ("none", False),
        ("more-calibration", False),
        ("refitted-head", False),
        ("sensitive-layers", True),
    ]
    _, skipped, refitted, used = made.attempts
    assert (skipped.parity, skipped.refusals) == (
        None,
        ("all 40 training pictures were taken already",),
    )
    assert refitted.parity is not None
    assert breaches(refitted.parity, Limits()) == list(refitted.refusals) != []
    written = load_model_file(made.file.data).contract.provenance["export"]
    assert [(each["remedy"], each["passed"]) for each in written["remedies"]] == tried
    assert written["remedies"][-1]["parity"] == written["parity"] == used.parity


def test_the_closest_is_left_where_none_helps_and_its_pictures_stay(
    drowned: ReferenceModel,
) -> None:
    some = choose_calibration(drowned.pictures[Split.TRAIN], SPEC, 3, 0)
    seen = []

    def mostly(share: float) -> Network:
        blind = tf.constant([[0.9, 0.1]])
        return lambda image: share * drowned.network(image) + (1 - share) * blind

    def tries(
        reference_model: ReferenceModel, variant: VariantName, refused: ConversionSpec
    ) -> Iterator[Any]:
        yield "worse", ConversionSpec(mostly(0), refused.calibration)
        yield "closest", ConversionSpec(mostly(0.99), some)
        yield "closer", ConversionSpec(mostly(0.9), None)

    def fails(
        reference_model: ReferenceModel, variant: VariantName, refused: ConversionSpec
    ) -> Iterator[Any]:
        seen.append((refused.network, refused.calibration))
        raise RuntimeError("TensorFlow says much\nin many lines")

    plain = dataclasses.replace(drowned, network=mostly(0.2))
    made = with_fallbacks(
        plain,
        "float16",
        Limits(agreement=1.5),
        lambda data: [],
        {"tries": tries, "fails": fails},
    )
    assert not made.passed
    assert [each.detail for each in made.attempts] == ["", "worse", "closest", "closer", ""]
    assert made.attempts[-1].refusals == ("TensorFlow says much",)
    assert made.file.parity == made.attempts[2].parity
    assert seen == [(plain.network, some)]


def test_a_runtime_has_the_last_word(drowned: ReferenceModel) -> None:
    made = with_fallbacks(
        drowned, "int8", Limits(), lambda data: ["under x: refused"], {"layers": sensitive_layers}
    )
    assert not made.passed
    assert {each.refusals for each in made.attempts[1:]} == {("under x: refused",)}


def test_a_file_that_only_a_runtime_refuses_has_no_remedy(drowned: ReferenceModel) -> None:
    made = with_fallbacks(drowned, "none", Limits(), lambda data: ["under x: refused"])
    assert [each.refusals for each in made.attempts] == [("under x: refused",)]


@pytest.mark.parametrize(
    ("variant", "without"),
    [
        ("none", {"more-calibration", "sensitive-layers", "fine-tuning"}),
        ("dynamic", {"more-calibration", "sensitive-layers", "fine-tuning"}),
        ("int16x8", {"sensitive-layers"}),
    ],
)
def test_what_a_variant_has_no_use_for_is_skipped(
    variant: VariantName, without: set[str], tmp_path: Path, drowned: ReferenceModel
) -> None:
    conversion_spec = plain_recipe(drowned, variant)
    for name in without:
        with pytest.raises(ModelError, match=variant):
            next(REMEDIES[name](drowned, variant, conversion_spec))


def test_a_network_without_a_head_has_the_refit_skipped(tmp_path: Path) -> None:
    features = mixed(RED, GREEN)
    reference_model = approve(lambda image: tf.sigmoid(features(image)), write(tmp_path, BY_RED))
    with pytest.raises(ModelError, match="cannot find the head .* received Sigmoid"):
        next(refitted_head(reference_model, "int8", plain_recipe(reference_model, "int8")))


def test_the_farthest_come_first() -> None:
    features = np.array([[0.0], [1.0], [2.0], [9.0], [10.0]], np.float32)
    assert farthest_first(features, 3) == [4, 0, 2]
    assert sorted(farthest_first(features, 9)) == [0, 1, 2, 3, 4]
    assert farthest_first(np.zeros((3, 2), np.float32), 2) == [0, 1]


def test_a_refitted_head_gives_the_wanted_logits() -> None:
    """Features that were mixed and shifted, one of them lost, are found again."""
    generator = np.random.default_rng(0)
    head = Head(generator.normal(size=(4, 2)).astype(np.float32), np.zeros(2, np.float32))
    exact = generator.normal(size=(300, 4))
    exact[:, 3] = exact[:, 0]
    given = exact @ generator.normal(size=(4, 4)) + 3
    given[:, 2] = 7

    def wanted(rows: slice) -> Wanted:
        return Wanted(given[rows], exact[rows] @ head.kernel + head.bias)

    fitted = refit(head, wanted(slice(200)), wanted(slice(200, 300)))
    right = predict(head, exact.astype(np.float32))
    np.testing.assert_allclose(predict(fitted, given.astype(np.float32)), right, atol=1e-3)
    assert (fitted.kernel[2] == 0).all()
    assert np.abs(predict(head, given.astype(np.float32)) - right).max() > 0.5
