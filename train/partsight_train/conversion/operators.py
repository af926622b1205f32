"""What a flatbuffer needs of the runtime that shall run it."""

from __future__ import annotations

from dataclasses import dataclass

from partsight_train.conversion.layers import OPERATOR_NAMES
from partsight_train.tensorflow_stack import schema

__all__ = ["Needs", "needs_of"]

# Where the converter writes the oldest runtime that has all operators in their versions.
_MIN_RUNTIME = b"min_runtime_version"


@dataclass(frozen=True, slots=True)
class Needs:
    """The operators of a model.

    Attributes:
        operators: name to version.
        min_runtime: the oldest TFLite that has them; None where the converter did not say.
    """

    operators: dict[str, int]
    min_runtime: str | None


def needs_of(flatbuffer: bytes) -> Needs:
    """Read the operators and their versions out of a flatbuffer."""
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    operators = {
        OPERATOR_NAMES[code.builtinCode]: int(code.version) for code in model.operatorCodes
    }
    said = [entry.buffer for entry in model.metadata or () if entry.name == _MIN_RUNTIME]
    texts = [bytes(model.buffers[index].data).rstrip(b"\0").decode("ascii") for index in said]
    return Needs(dict(sorted(operators.items())), next(iter(texts), None))
