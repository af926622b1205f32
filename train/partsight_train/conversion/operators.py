"""Operators and runtime version that a flatbuffer requires."""

from __future__ import annotations

from dataclasses import dataclass

from partsight_train.conversion.layers import OPERATOR_NAMES
from partsight_train.tensorflow_stack import schema

__all__ = ["Needs", "needs_of"]

# Metadata with the oldest runtime that has all operators in their versions.
_MIN_RUNTIME = b"min_runtime_version"


@dataclass(frozen=True, slots=True)
class Needs:
    """Operators of a model.

    Attributes:
        operators: name to version.
        min_runtime: oldest TFLite version that has them; None if the converter did not store it.
    """

    operators: dict[str, int]
    min_runtime: str | None


def needs_of(flatbuffer: bytes) -> Needs:
    """Read the operators and their versions from a flatbuffer."""
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    operators = {
        OPERATOR_NAMES[code.builtinCode]: int(code.version) for code in model.operatorCodes
    }
    found = [entry.buffer for entry in model.metadata or () if entry.name == _MIN_RUNTIME]
    texts = [bytes(model.buffers[index].data).rstrip(b"\0").decode("ascii") for index in found]
    return Needs(dict(sorted(operators.items())), next(iter(texts), None))
