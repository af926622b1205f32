"""Names of the variants, without TensorFlow."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["CALIBRATED", "IN_INT8", "VARIANTS", "VariantName"]

VariantName = Literal["none", "float16", "dynamic", "int8", "int8-float", "int16x8"]
VARIANTS: tuple[VariantName, ...] = get_args(VariantName)
# Variants that need calibration images.
CALIBRATED: frozenset[VariantName] = frozenset({"int8", "int8-float", "int16x8"})
# Variants with int8 activations.
IN_INT8: frozenset[VariantName] = CALIBRATED - {"int16x8"}
