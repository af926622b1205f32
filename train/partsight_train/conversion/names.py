"""The variants by name; TensorFlow is not needed to know them."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["CALIBRATED", "IN_INT8", "VARIANTS", "VariantName"]

VariantName = Literal["none", "float16", "dynamic", "int8", "int8-float", "int16x8"]
VARIANTS: tuple[VariantName, ...] = get_args(VariantName)
# Those whose ranges come from pictures.
CALIBRATED: frozenset[VariantName] = frozenset({"int8", "int8-float", "int16x8"})
# Those of them whose activations are int8.
IN_INT8: frozenset[VariantName] = CALIBRATED - {"int16x8"}
