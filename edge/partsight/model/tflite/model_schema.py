"""TFLite's schema (version 3), as far as a runtime follows it and partsight reads it.

See tensorflow/lite/schema/schema.fbs.
"""

from __future__ import annotations

from partsight.model.tflite.flatbuffer import TEXT, Scalar, Table, Tables, Vector

__all__ = ["IDENTIFIER", "METADATA", "MODEL", "OTHER_TYPES", "TYPES"]

IDENTIFIER = b"TFL3"
# What TensorType numbers mean, of those that classifiers take and give, and of others.
TYPES = {0: "float32", 3: "uint8", 9: "int8"}
OTHER_TYPES = {
    1: "float16",
    2: "int32",
    4: "int64",
    5: "string",
    6: "bool",
    7: "int16",
    10: "float64",
    12: "uint64",
    15: "uint32",
    16: "uint16",
    17: "int4",
}

_BYTE, _INT, _U32, _U64 = Scalar("b"), Scalar("i"), Scalar("I"), Scalar("Q")
_OPERATOR_CODE = Table(
    {"deprecated_builtin_code": _BYTE, "custom_code": TEXT, "version": _INT, "builtin_code": _INT}
)
_QUANTIZATION = Table(
    {
        "min": Vector("f"),
        "max": Vector("f"),
        "scale": Vector("f"),
        "zero_point": Vector("q"),
        "details_type": None,
        "details": None,
        "quantized_dimension": _INT,
    }
)
_TENSOR = Table(
    {
        "shape": Vector("i"),
        "type": _BYTE,
        "buffer": _U32,
        "name": TEXT,
        "quantization": _QUANTIZATION,
        "is_variable": None,
        "sparsity": None,
        "shape_signature": Vector("i"),
    }
)
_OPERATOR = Table(
    {
        "opcode_index": _U32,
        "inputs": Vector("i"),
        "outputs": Vector("i"),
        "builtin_options_type": None,
        "builtin_options": Table(),
        "custom_options": Vector("B"),
        "custom_options_format": None,
        "mutating_variable_inputs": Vector("B"),
        "intermediates": Vector("i"),
    }
)
_SUBGRAPH = Table(
    {
        "tensors": Tables(_TENSOR),
        "inputs": Vector("i"),
        "outputs": Vector("i"),
        "operators": Tables(_OPERATOR),
        "name": TEXT,
    }
)
_BUFFER = Table({"data": Vector("B"), "offset": _U64, "size": _U64})
METADATA = Table({"name": TEXT, "buffer": _U32})
MODEL = Table(
    {
        "version": _U32,
        "operator_codes": Tables(_OPERATOR_CODE),
        "subgraphs": Tables(_SUBGRAPH),
        "description": TEXT,
        "buffers": Tables(_BUFFER),
        "metadata_buffer": Vector("i"),
        "metadata": Tables(METADATA),
        "signature_defs": None,
    }
)
