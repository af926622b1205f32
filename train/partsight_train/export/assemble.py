"""The float model: a backbone and a head that fits it, as one network."""

from __future__ import annotations

from partsight_train.backbones.backbone import Backbone
from partsight_train.heads.head import Head
from partsight_train.network.tiles import by_image
from partsight_train.tensorflow_stack import keras

__all__ = ["assemble"]


def assemble(backbone: Backbone, head: Head, output_name: str = "head") -> keras.Model:
    """Join backbone and head.

    Args:
        backbone: gives the features.
        head: gives the probabilities.
        output_name: of the softmax layer, and so of the SavedModel's output.

    Returns:
        A model from float32 (N, H, W, 3), RGB in [0, 1], to probabilities (N, K), or
        (N, T, K) where pictures are cut into T tiles.
    """
    picture = keras.Input((backbone.spec.height, backbone.spec.width, 3), name="image")
    dense = keras.layers.Dense(len(head.bias), "softmax", name=output_name)
    scores = by_image(dense(backbone.features(picture)), backbone.tiles)
    model = keras.Model(picture, scores)
    dense.set_weights([head.kernel, head.bias])
    return model
