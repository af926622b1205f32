"""The float model: a backbone and its head as one network."""

from __future__ import annotations

from partsight_train.backbones.backbone import Backbone
from partsight_train.heads.head import Head
from partsight_train.network.tiles import by_image
from partsight_train.tensorflow_stack import keras

__all__ = ["assemble"]


def assemble(backbone: Backbone, head: Head, output_name: str = "head") -> keras.Model:
    """Join backbone and head.

    Args:
        backbone: computes the features.
        head: computes the probabilities.
        output_name: name of the softmax layer and of the SavedModel's output.

    Returns:
        A model from float32 (N, H, W, 3), RGB in [0, 1], to probabilities (N, K), or
        (N, T, K) if images are cut into T tiles.
    """
    image = keras.Input((backbone.spec.height, backbone.spec.width, 3), name="image")
    dense = keras.layers.Dense(len(head.bias), "softmax", name=output_name)
    scores = by_image(dense(backbone.features(image)), backbone.tiles)
    model = keras.Model(image, scores)
    dense.set_weights([head.kernel, head.bias])
    return model
