"""Rounding in float: the steps of int8, and gradients that pass them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from partsight_train.export.fake_quantization import (
    activations_of,
    kernels_of,
    ranges_of,
    rounded_kernel,
    with_rounded_values,
)
from partsight_train.export.graph import Graph, open_graph
from partsight_train.tensorflow_stack import tf

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def graph() -> Graph:
    generator = tf.random.Generator.from_seed(0)
    first, second, head = (
        tf.Variable(generator.normal(shape)) for shape in ((3, 3, 3, 4), (3, 3, 4, 2), (8, 2))
    )
    bias = tf.Variable([0.5, -0.5])

    def network(image: Any) -> Any:
        maps = tf.nn.relu(tf.nn.conv2d(image, first, 1, "SAME"))
        maps = tf.nn.depthwise_conv2d(maps, second, [1, 1, 1, 1], "SAME")
        return tf.nn.softmax(tf.nn.bias_add(tf.reduce_mean(maps, [1, 2]) @ head, bias))

    return open_graph(network, SHAPE)


@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 1), (0,)])
def test_a_kernel_has_255_steps_a_channel(axes: tuple[int, ...]) -> None:
    kernel = tf.Variable(tf.random.Generator.from_seed(0).normal((3, 3, 4, 5)))
    with tf.GradientTape() as tape:
        rounded = rounded_kernel(kernel, axes)
        total = tf.reduce_sum(rounded * 3)
    scale = np.abs(kernel.numpy()).max(axis=axes, keepdims=True) / 127
    np.testing.assert_allclose(rounded / scale, np.round(kernel / scale), atol=1e-4)
    assert (np.abs(rounded - kernel) <= scale * 0.501).all()
    np.testing.assert_array_equal(tape.gradient(total, kernel), np.full((3, 3, 4, 5), 3.0))


def test_a_channel_of_zeros_stays_so() -> None:
    assert (rounded_kernel(tf.zeros((3, 2)), (0,)).numpy() == 0).all()


def test_kernels_are_found_with_the_axes_that_share_a_scale(graph: Graph) -> None:
    shapes = [(value.shape, axes) for value, axes in kernels_of(graph).values()]
    assert shapes == [((3, 3, 3, 4), (0, 1, 2)), ((3, 3, 4, 2), (0, 1)), ((8, 2), (0,))]


def test_what_is_rounded_is_what_int8_keeps(graph: Graph) -> None:
    """Behind the activation, not before it; neither logits nor scores."""
    kinds = [graph.function.graph.get_operation_by_name(n).type for n in activations_of(graph)]
    assert kinds == ["Relu", "DepthwiseConv2dNative", "Mean"]


def test_values_come_in_the_steps_of_their_ranges(graph: Graph) -> None:
    names = activations_of(graph)
    pictures = list(np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8))
    ranges = ranges_of(graph, names, pictures)
    assert ranges[names[0]][0] == 0.0 < ranges[names[0]][1]
    fed = tf.constant(np.stack(pictures).astype(np.float32) / 255)
    source, wanted = (
        graph.function.inputs[0].name,
        [
            graph.function.outputs[0].name,
            f"{names[0]}/rounded:0",
        ],
    )

    def computed(bits: int) -> Any:
        definition = with_rounded_values(graph.function.graph.as_graph_def(), ranges, bits)
        run = tf.function(
            lambda image: tf.graph_util.import_graph_def(definition, {source: image}, wanted)
        )
        return [each.numpy() for each in run(fed)]

    exact = graph.function(fed)[0].numpy()
    errors = [np.abs(computed(bits)[0] - exact).max() for bits in (4, 8, 16)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-3
    assert len(np.unique(computed(4)[1])) <= 16
