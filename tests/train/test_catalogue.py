"""The facts in the catalogue match the networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from partsight_train.backbones.catalogue import EMBEDDED, HUB, NAMED, catalogue_entry
from partsight_train.backbones.efficientnet_lite import build_feature_extractor
from partsight_train.backbones.embedded import read_weights
from partsight_train.backbones.torch_weights import read_state_dict
from partsight_train.tensorflow_stack import keras

applications = keras.applications


def with_last_layer(application: Callable[..., Any], units: int) -> Callable[..., Any]:
    """MobileNet V3; its feature vector is the output of one more layer."""

    def build(**options: Any) -> Any:
        model = application(**options)
        return keras.Model(model.input, keras.layers.Dense(units)(model.output))

    return build


ARCHITECTURES: dict[str, Callable[..., Any]] = {
    "inception-v3": applications.InceptionV3,
    "nasnet-large": applications.NASNetLarge,
    "nasnet-mobile": applications.NASNetMobile,
    "mobilenet-v2": applications.MobileNetV2,
    "mobilenet-v3-small": with_last_layer(applications.MobileNetV3Small, 1024),
    "mobilenet-v3-large": with_last_layer(applications.MobileNetV3Large, 1280),
    "efficientnet-v2-b0": applications.EfficientNetV2B0,
    "resnet-v2-50": applications.ResNet50V2,
}
# The architectures do not change, so one of them is enough for every run.
SLOW = tuple(name for name in ARCHITECTURES if name != "mobilenet-v3-small")


def multiply_adds(model: Any) -> int:
    """Multiply-adds of the convolutions and dense layers, for one image.

    Every weight of a kernel is used once per position.
    """
    return sum(
        math.prod(layer.output_shape[1:-1]) * math.prod(kernel.shape)
        for layer in model.layers
        for kernel in layer.weights
        if kernel.shape.rank > 1
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name != "efficientnet-lite0" else name
        for name in EMBEDDED
    ],
)
def test_embedded_backbones_match_their_entry(name: str) -> None:
    row = EMBEDDED[name]
    weights = read_state_dict(read_weights(row))
    model = build_feature_extractor(row, row.image_size, weights)
    assert model.output_shape == (None, row.feature_size)
    assert model.count_params() == row.parameters
    assert multiply_adds(model) == row.multiply_adds


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in HUB],
)
def test_tf_hub_backbones_match_their_entry(name: str) -> None:
    row = HUB[name]
    side = (row.image_size, row.image_size, 3)
    model = ARCHITECTURES[name](include_top=False, weights=None, input_shape=side, pooling="avg")
    assert model.output_shape == (None, row.feature_size)
    assert model.count_params() == row.parameters
    assert multiply_adds(model) == row.multiply_adds


@pytest.mark.parametrize(
    ("handle", "name"),
    [
        *((name, name) for name in NAMED),
        *((row.handle, name) for name, row in HUB.items()),
        ("https://tfhub.dev/google/imagenet/inception_v3/feature_vector/1", "inception-v3"),
        ("https://tfhub.dev/google/imagenet/inception_v3/classification/5", None),
        ("inception", None),
        ("", None),
    ],
)
def test_a_backbone_is_found_by_name_and_by_handle(handle: str, name: str | None) -> None:
    assert catalogue_entry(handle) is (None if name is None else NAMED[name])
