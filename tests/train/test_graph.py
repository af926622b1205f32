"""A network cut before its head, and joined with another head."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from partsight.errors import ModelError
from partsight_train.backbones.backbone import Backbone, open_backbone
from partsight_train.export.assemble import assemble
from partsight_train.export.graph import open_graph
from partsight_train.heads.head import Head, predict
from partsight_train.tensorflow_stack import tf

SHAPE = (32, 64, 3)
# Tolerance for scores: rounding of float32.
TOLERANCE = 1e-5


def make_head(seed: int) -> Head:
    generator = np.random.default_rng(seed)
    kernel, bias = generator.normal(size=(16, 2)), generator.normal(size=2)
    return Head(kernel.astype(np.float32), bias.astype(np.float32))


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> Backbone:
    """Two tiles side by side, of two views each."""
    whole = open_backbone(str(tiny_backbone))
    spec = dataclasses.replace(whole.spec, width=64)
    return dataclasses.replace(whole, spec=spec, views=2, tiles=(1, 2))


@pytest.mark.parametrize("saved", [False, True], ids=["as built", "as saved"])
def test_the_head_is_found_and_replaced(backbone: Backbone, saved: bool, tmp_path: Path) -> None:
    model = assemble(backbone, make_head(0), "verdict/of.part")
    network = model
    if saved:
        model.save(tmp_path / "model", save_format="tf", include_optimizer=False)
        loaded = tf.saved_model.load(str(tmp_path / "model"))
        served = loaded.signatures["serving_default"]
        network = lambda image: next(iter(served(image=image).values()))  # noqa: E731
    graph = open_graph(network, SHAPE)
    np.testing.assert_array_equal(graph.head.kernel, make_head(0).kernel)
    np.testing.assert_array_equal(graph.head.bias, make_head(0).bias)

    pictures = np.random.default_rng(1).uniform(size=(3, *SHAPE)).astype(np.float32)
    for picture in pictures:
        image = tf.constant(picture[np.newaxis])
        features = graph.features(image).numpy()
        assert features.shape == (1, 2 * 16)
        scores = predict(make_head(0), features.reshape(2, 16))
        np.testing.assert_allclose(model(image)[0], scores, atol=TOLERANCE)

    other = tf.function(graph.with_head(make_head(1)))(tf.constant(pictures))
    expected = assemble(backbone, make_head(1))(pictures)
    np.testing.assert_allclose(other, expected, atol=TOLERANCE)
    assert np.abs(other - model(pictures)).max() > 0.01


@pytest.mark.parametrize(
    "end",
    [
        lambda logits: logits,
        tf.sigmoid,
        lambda logits: tf.nn.softmax(logits),
        lambda logits: tf.nn.softmax(tf.nn.bias_add(tf.nn.relu(logits), [0.0, 0.0])),
    ],
    ids=["no softmax", "sigmoid", "no bias", "no dense layer before the bias"],
)
def test_a_network_with_another_end_is_refused(end: object) -> None:
    kernel = tf.Variable(tf.ones((3, 2)))
    with pytest.raises(ModelError, match="expected a dense layer with a bias and a softmax"):
        open_graph(lambda image: end(tf.reduce_mean(image, [1, 2]) @ kernel), (8, 8, 3))  # type: ignore[operator]
