"""Which layers are the head, and which compute with a layer's values."""

from __future__ import annotations

import pytest

from partsight_train.conversion.layers import Layer, head_of, readers_of


def chain(*operators: str) -> list[Layer]:
    return [
        Layer(operator, (str(index),), (str(index + 1),))
        for index, operator in enumerate(operators)
    ]


@pytest.mark.parametrize(
    ("operators", "size"),
    [
        (("CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"), 2),
        (("FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX", "RESHAPE", "TRANSPOSE"), 4),
        # A backbone alone, which may end with a dense layer of its own.
        (("CONV_2D", "MEAN", "RESHAPE"), 0),
        (("CONV_2D", "FULLY_CONNECTED", "RESHAPE"), 0),
        (("CONV_2D", "SOFTMAX"), 0),
        (("FULLY_CONNECTED", "SOFTMAX", "MEAN"), 0),
        ((), 0),
    ],
)
def test_the_head(operators: tuple[str, ...], size: int) -> None:
    layers = chain(*operators)
    assert head_of(layers) == layers[len(layers) - size :][::-1]


def test_a_heat_map_behind_the_head_is_none_of_it() -> None:
    dense, softmax = chain("FULLY_CONNECTED", "SOFTMAX")
    heat = [Layer("CONV_2D", ("maps",), ("heat",)), Layer("ADD", ("heat",), ("map",))]
    assert head_of([dense, softmax, *heat]) == [softmax, dense]


def test_those_that_read_a_value_and_what_passes_it_on() -> None:
    convolution, mean, joined, dense, softmax = layers = [
        Layer("CONV_2D", ("image", "kernel"), ("maps",)),
        Layer("MEAN", ("maps", "axes"), ("means",)),
        Layer("CONCATENATION", ("means", "others"), ("features",)),
        Layer("FULLY_CONNECTED", ("features", "weights"), ("logits",)),
        Layer("SOFTMAX", ("logits",), ("scores",)),
    ]
    assert readers_of(layers, convolution.name) == [mean, joined, dense]
    assert readers_of(layers, dense.name) == [softmax]
    assert readers_of(layers, softmax.name) == []
