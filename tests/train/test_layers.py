"""The layers of the head."""

from __future__ import annotations

import pytest

from partsight_train.conversion.layers import Layer, head_of


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
        # A backbone without a head, which may end with a dense layer.
        (("CONV_2D", "MEAN", "RESHAPE"), 0),
        (("CONV_2D", "FULLY_CONNECTED", "RESHAPE"), 0),
        (("CONV_2D", "SOFTMAX"), 0),
        (("FULLY_CONNECTED", "SOFTMAX", "MEAN"), 0),
        ((), 0),
    ],
)
def test_the_head_ends_with_the_last_dense_layer(operators: tuple[str, ...], size: int) -> None:
    layers = chain(*operators)
    assert head_of(layers) == layers[len(layers) - size :][::-1]


def test_a_heat_map_is_not_part_of_the_head() -> None:
    dense, softmax = chain("FULLY_CONNECTED", "SOFTMAX")
    heat = [Layer("CONV_2D", ("maps",), ("heat",)), Layer("ADD", ("heat",), ("map",))]
    assert head_of([dense, softmax, *heat]) == [softmax, dense]
