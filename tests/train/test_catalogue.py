"""What the catalogue says of each network is counted on the network itself."""

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
    """MobileNet V3, whose feature vector is taken after one more layer."""

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
# What the table says of a network changes with the table alone; one of them is always counted.
SLOW = tuple(name for name in ARCHITECTURES if name != "mobilenet-v3-small")


def multiply_adds(model: Any) -> int:
    """Of the convolutions and dense layers, for one picture.

    A kernel's every weight is used once a position, however it pairs filters and channels.
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
def test_embedded_ones_are_as_stated(name: str) -> None:
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
def test_those_of_tf_hub_are_as_their_architecture(name: str) -> None:
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
