"""The bit depth of 16-bit image files, given by hand for a model that declares none."""

from __future__ import annotations

import dataclasses

from partsight.model.contract import Contract

__all__ = ["with_bit_depth"]


def with_bit_depth(contract: Contract, bit_depth: int | None) -> Contract:
    """The contract with a bit depth in its preprocessing; unchanged for None.

    Raises:
        ValueError: no such depth, or the model was trained on images of another one.
    """
    declared = contract.preprocess.bit_depth
    if bit_depth is None or bit_depth == declared:
        return contract
    if declared is not None:
        raise ValueError(
            f"it was trained on images with {declared} significant bits, received bit depth "
            f"{bit_depth}. Leave the bit depth out, or set the camera as it was"
        )
    spec = dataclasses.replace(contract.preprocess, bit_depth=bit_depth)
    return dataclasses.replace(contract, preprocess=spec)
