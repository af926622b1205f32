"""Networks that plain quantization ruins, and the fallback that rescues each of them."""

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
from partsight_train.export.fallback_calibration import farthest_first, more_calibration
from partsight_train.export.fallback_head import Targets, refit, refitted_head
from partsight_train.export.fallback_layers import sensitive_layers
from partsight_train.export.fallbacks import FALLBACKS, Fallback, FallbackResult, with_fallbacks
from partsight_train.export.gate import Limits, breaches
from partsight_train.export.runtime_gate import runtime_failures
from partsight_train.export.variant import ConversionSpec, ReferenceModel, plain_spec
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
    """Write pictures in the first colour of their label; every fifth has the last colour."""
    generator = np.random.default_rng(0)
    pictures: dict[Split, list[LabelledImage]] = {}
    for split, count in ((Split.TRAIN, 20), (Split.VALIDATION, 10), (Split.TEST, 20)):
        pictures[split] = []
        for label, name in enumerate(LABELS):
            for index in range(count):
                colour = colours[name][-1 if index % 5 == 3 else 0]
                noise = generator.uniform(-0.05, 0.05, (SIDE, SIDE, 3))
                shift = generator.uniform(-0.05, 0.05)
                pixels = np.clip(np.array(colour) + noise + shift, 0, 1) * 255
                path = folder / f"{split.value}-{name}-{index}.png"
                Image.fromarray(pixels.astype(np.uint8)).save(path)
                pictures[split].append(LabelledImage(path, label, split, 0.0))
    return pictures


def approve(
    network: Network, pictures: dict[Split, list[LabelledImage]], calibration: int = 200
) -> ReferenceModel:
    """The network as the reference model, with its own scores of the pictures."""

    def scores(split: Split) -> Any:
        images = [np.asarray(Image.open(each.path), np.float32) / 255 for each in pictures[split]]
        return np.asarray(network(tf.constant(np.stack(images))), np.float64)

    draft = Contract(LABELS, SPEC, OperatingPoint(("healthy",)))
    by_split = {split: scores(split) for split in (Split.VALIDATION, Split.TEST)}
    settings = TrainSettings(calibration=calibration)
    return ReferenceModel(network, draft, settings, pictures, by_split)


def with_head(features: Network, kernel: list[list[float]], bias: list[float]) -> Network:
    weights, shift = tf.Variable(kernel), tf.Variable(bias)
    return lambda image: tf.nn.softmax(tf.nn.bias_add(features(image) @ weights, shift))


def mixed(*channels: Any) -> Network:
    """Features of one layer that are weighted sums of red, green and blue."""
    kernel = tf.Variable(np.transpose(channels)[np.newaxis, np.newaxis].astype(np.float32))
    return lambda image: tf.reduce_mean(tf.nn.conv2d(image, kernel, 1, "SAME"), [1, 2])


RED, GREEN, BLUE = np.eye(3)
# Red decides the label; the channel with values a thousand times as large sets the step of both.
RED_AND_LARGE_GREEN = (RED, 1000 * GREEN)
RED_AND_LARGE_RED = (RED, 1000 * RED)
BY_SMALL_RED = ([[-10.0, 10.0], [0.0, 0.0]], [5.0, -5.0])


@pytest.fixture
def lost_in_int8(tmp_path: Path) -> ReferenceModel:
    """A network whose deciding feature is smaller than a step of int8."""
    return approve(with_head(mixed(*RED_AND_LARGE_GREEN), *BY_SMALL_RED), write(tmp_path, BY_RED))


def attempt(
    reference_model: ReferenceModel, variant: VariantName, **fallbacks: Fallback
) -> FallbackResult:
    made = with_fallbacks(reference_model, variant, Limits(), lambda data: [], fallbacks)
    assert made.attempts[0].fallback == "none"
    assert made.attempts[0].refusals, "the plain file must need a fallback"
    return made


def test_more_calibration_covers_ranges_of_rare_pictures(tmp_path: Path) -> None:
    """Green against blue decides for rare parts; both are far outside the ranges of the others."""
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
def test_the_refitted_head_uses_a_copy_of_a_lost_feature(
    variant: VariantName, tmp_path: Path
) -> None:
    reference_model = approve(
        with_head(mixed(*RED_AND_LARGE_RED), *BY_SMALL_RED), write(tmp_path, BY_RED)
    )
    made = attempt(reference_model, variant, head=refitted_head)
    assert made.passed
    assert made.file.parity["agreement"] == 1.0


@pytest.mark.parametrize("variant", ["int8", "int8-float"])
def test_a_layer_that_hides_a_feature_is_kept_in_float(
    variant: VariantName, lost_in_int8: ReferenceModel
) -> None:
    made = attempt(lost_in_int8, variant, layers=sensitive_layers)
    assert made.passed
    assert made.file.parity["agreement"] == 1.0
    assert made.file.contract.provenance["export"]["in_float"]
    assert runtime_failures(made.file.data) == []


def test_fallbacks_are_tried_in_order_and_recorded(lost_in_int8: ReferenceModel) -> None:
    made = with_fallbacks(lost_in_int8, "int8", Limits(), runtime_failures)
    assert list(FALLBACKS) == ["more-calibration", "refitted-head", "sensitive-layers"]
    tried = [(each.fallback, each.passed) for each in made.attempts]
    assert tried == [
        ("none", False),
        ("more-calibration", False),
        ("refitted-head", False),
        ("sensitive-layers", True),
    ]
    _, skipped, refitted, used = made.attempts
    assert (skipped.parity, skipped.refusals) == (
        None,
        ("all 40 training pictures are used already",),
    )
    assert refitted.parity is not None
    assert breaches(refitted.parity, Limits()) == list(refitted.refusals) != []
    written = load_model_file(made.file.data).contract.provenance["export"]
    assert [(each["remedy"], each["passed"]) for each in written["remedies"]] == tried
    assert written["remedies"][-1]["parity"] == written["parity"] == used.parity


def test_without_success_the_closest_file_and_its_calibration_are_kept(
    lost_in_int8: ReferenceModel,
) -> None:
    some = choose_calibration(lost_in_int8.pictures[Split.TRAIN], SPEC, 3, 0)
    seen = []

    def mostly(share: float) -> Network:
        blind = tf.constant([[0.9, 0.1]])
        return lambda image: share * lost_in_int8.network(image) + (1 - share) * blind

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
        raise RuntimeError("the first line\nof several")

    plain = dataclasses.replace(lost_in_int8, network=mostly(0.2))
    made = with_fallbacks(
        plain,
        "float16",
        Limits(agreement=1.5),
        lambda data: [],
        {"tries": tries, "fails": fails},
    )
    assert not made.passed
    assert [each.detail for each in made.attempts] == ["", "worse", "closest", "closer", ""]
    assert made.attempts[-1].refusals == ("the first line",)
    assert made.file.parity == made.attempts[2].parity
    assert seen == [(plain.network, some)]


def test_a_runtime_can_refuse_the_file_of_a_fallback(lost_in_int8: ReferenceModel) -> None:
    made = with_fallbacks(
        lost_in_int8,
        "int8",
        Limits(),
        lambda data: ["under x: refused"],
        {"layers": sensitive_layers},
    )
    assert not made.passed
    assert {each.refusals for each in made.attempts[1:]} == {("under x: refused",)}


def test_a_file_that_only_a_runtime_refuses_has_no_fallback(lost_in_int8: ReferenceModel) -> None:
    made = with_fallbacks(lost_in_int8, "none", Limits(), lambda data: ["under x: refused"])
    assert [each.refusals for each in made.attempts] == [("under x: refused",)]


@pytest.mark.parametrize(
    ("variant", "skipped"),
    [
        ("none", {"more-calibration", "sensitive-layers"}),
        ("dynamic", {"more-calibration", "sensitive-layers"}),
        ("int16x8", {"sensitive-layers"}),
    ],
)
def test_fallbacks_that_do_not_apply_to_a_variant_are_skipped(
    variant: VariantName, skipped: set[str], lost_in_int8: ReferenceModel
) -> None:
    conversion_spec = plain_spec(lost_in_int8, variant)
    for name in skipped:
        with pytest.raises(ModelError, match=variant):
            next(FALLBACKS[name](lost_in_int8, variant, conversion_spec))


def test_refitting_needs_a_head_in_the_network(tmp_path: Path) -> None:
    features = mixed(RED, GREEN)
    reference_model = approve(lambda image: tf.sigmoid(features(image)), write(tmp_path, BY_RED))
    with pytest.raises(ModelError, match="cannot find the head .* received Sigmoid"):
        next(refitted_head(reference_model, "int8", plain_spec(reference_model, "int8")))


def test_farthest_first_selects_spread_rows() -> None:
    features = np.array([[0.0], [1.0], [2.0], [9.0], [10.0]], np.float32)
    assert farthest_first(features, 3) == [4, 0, 2]
    assert sorted(farthest_first(features, 9)) == [0, 1, 2, 3, 4]
    assert farthest_first(np.zeros((3, 2), np.float32), 2) == [0, 1]


def test_a_refitted_head_gives_the_target_logits() -> None:
    """It undoes a linear mix and a shift of the features, one of which is constant."""
    generator = np.random.default_rng(0)
    head = Head(generator.normal(size=(4, 2)).astype(np.float32), np.zeros(2, np.float32))
    exact = generator.normal(size=(300, 4))
    exact[:, 3] = exact[:, 0]
    quantized = exact @ generator.normal(size=(4, 4)) + 3
    quantized[:, 2] = 7

    def targets(rows: slice) -> Targets:
        return Targets(quantized[rows], exact[rows] @ head.kernel + head.bias)

    fitted = refit(head, targets(slice(200)), targets(slice(200, 300)))
    right = predict(head, exact.astype(np.float32))
    np.testing.assert_allclose(predict(fitted, quantized.astype(np.float32)), right, atol=1e-3)
    assert (fitted.kernel[2] == 0).all()
    assert np.abs(predict(head, quantized.astype(np.float32)) - right).max() > 0.5
