"""The fields of TFLite's schema (version 3) that a runtime follows or partsight reads.

See tensorflow/lite/schema/schema.fbs.
"""

from __future__ import annotations

from partsight.model.tflite.flatbuffer import TEXT, Scalar, TableSchema, TablesSchema, Vector

__all__ = ["IDENTIFIER", "METADATA", "MODEL", "OTHER_TYPES", "TYPES"]

IDENTIFIER = b"TFL3"
# Numbers of TensorType: those of classifiers' inputs and outputs, and others for messages.
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
_OPERATOR_CODE = TableSchema(
    {"deprecated_builtin_code": _BYTE, "custom_code": TEXT, "version": _INT, "builtin_code": _INT}
)
_QUANTIZATION = TableSchema(
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
_TENSOR = TableSchema(
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
_OPERATOR = TableSchema(
    {
        "opcode_index": _U32,
        "inputs": Vector("i"),
        "outputs": Vector("i"),
        "builtin_options_type": None,
        "builtin_options": TableSchema(),
        "custom_options": Vector("B"),
        "custom_options_format": None,
        "mutating_variable_inputs": Vector("B"),
        "intermediates": Vector("i"),
    }
)
_SUBGRAPH = TableSchema(
    {
        "tensors": TablesSchema(_TENSOR),
        "inputs": Vector("i"),
        "outputs": Vector("i"),
        "operators": TablesSchema(_OPERATOR),
        "name": TEXT,
    }
)
_BUFFER = TableSchema({"data": Vector("B"), "offset": _U64, "size": _U64})
METADATA = TableSchema({"name": TEXT, "buffer": _U32})
MODEL = TableSchema(
    {
        "version": _U32,
        "operator_codes": TablesSchema(_OPERATOR_CODE),
        "subgraphs": TablesSchema(_SUBGRAPH),
        "description": TEXT,
        "buffers": TablesSchema(_BUFFER),
        "metadata_buffer": Vector("i"),
        "metadata": TablesSchema(METADATA),
        "signature_defs": None,
    }
)
