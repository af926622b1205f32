"""EfficientNet-Lite0 as a tf-keras feature extractor with its ImageNet weights.

Enters: arrays by their torch names. Leaves: a network from RGB pictures to feature
vectors. Called by ``backbone``, which saves it once as a SavedModel.

The architecture is M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for
Convolutional Neural Networks" (2019), in its Lite form: no squeeze-and-excitation,
and ReLU6 for swish, because both lose accuracy when they are quantized to int8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from partsight_train.tensorflow_stack import keras

__all__ = ["FEATURE_SIZE", "IMAGE_SIZE", "build_feature_extractor"]

IMAGE_SIZE = 224
FEATURE_SIZE = 1280

_STEM_FILTERS = 32
# One row a stage: repeats, kernel size, first stride, expansion ratio, filters.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_EPSILON = 1e-3


def build_feature_extractor(weights: Mapping[str, NDArray[Any]]) -> keras.Model:
    """Build the network and fill it.

    Args:
        weights: torch name to array, as ``torch_weights.read_state_dict`` gives them.

    Returns:
        A model from float32 (N, 224, 224, 3), RGB in [0, 1], to float32 (N, 1280).

    Raises:
        KeyError: a tensor that the architecture needs is missing.
        ValueError: a tensor has another shape than the architecture needs.
    """
    picture = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3), name="image")
    # TF Hub modules take [0, 1]; this network was trained on (byte - 127) / 128.
    x = keras.layers.Rescaling(255 / 128, -127 / 128, name="scale")(picture)
    x = _conv(x, "conv_stem", _STEM_FILTERS, kernel=3, stride=2)
    x = _norm(x, "bn0")
    block = 0
    for repeats, kernel, stride, expansion, filters in _STAGES:
        for repeat in range(repeats):
            first = repeat == 0
            x = _block(x, f"blocks.{block}", kernel, stride if first else 1, expansion, filters)
            block += 1
    x = _norm(_conv(x, "conv_head", FEATURE_SIZE), "bn1")
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    model = keras.Model(picture, features, name="efficientnet_lite0")
    _fill(model, weights)
    return model


def _block(x: Any, name: str, kernel: int, stride: int, expansion: int, filters: int) -> Any:
    """An inverted residual: expand, filter each channel, project, add where shapes allow."""
    shortcut = x
    if expansion > 1:
        x = _norm(_conv(x, f"{name}.expand_conv", x.shape[-1] * expansion), f"{name}.bn0")
    x = keras.layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, name=f"{name}.depthwise_conv"
    )(x)
    x = _norm(x, f"{name}.bn1")
    x = _norm(_conv(x, f"{name}.project_conv", filters), f"{name}.bn2", activate=False)
    if stride == 1 and shortcut.shape[-1] == filters:
        x = keras.layers.Add(name=f"{name}.add")([shortcut, x])
    return x


def _conv(x: Any, name: str, filters: int, kernel: int = 1, stride: int = 1) -> Any:
    return keras.layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=name)(x)


def _norm(x: Any, name: str, *, activate: bool = True) -> Any:
    x = keras.layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)
    return keras.layers.ReLU(6.0, name=f"{name}.relu6")(x) if activate else x


def _fill(model: keras.Model, weights: Mapping[str, NDArray[Any]]) -> None:
    """Give each layer its arrays in Keras's order of axes.

    Layers bear their torch names less the underscores in front, which TensorFlow forbids.
    """
    weights = {re.sub(r"(^|\.)_", r"\1", name): array for name, array in weights.items()}
    for layer in model.layers:
        name = layer.name
        if isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([weights[f"{name}.{part}"] for part in parts])
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            # torch (channels, 1, height, width) -> Keras (height, width, channels, 1)
            layer.set_weights([weights[f"{name}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, keras.layers.Conv2D):
            # torch (out, in, height, width) -> Keras (height, width, in, out)
            layer.set_weights([weights[f"{name}.weight"].transpose(2, 3, 1, 0)])
