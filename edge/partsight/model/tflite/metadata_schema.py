"""The standard TFLite metadata of image classifiers, as a schema.

See metadata_schema.fbs of tflite-support, whose latest version is 1.5.0. All fields used here exist
since its first version.
"""

from __future__ import annotations

from partsight.model.tflite.flatbuffer import TEXT, Scalar, TableSchema, TablesSchema, Union, Vector

__all__ = [
    "ENTRY",
    "FEATURE_PROPERTIES",
    "IDENTIFIER",
    "IMAGE_PROPERTIES",
    "MIN_PARSER_VERSION",
    "MODEL_METADATA",
    "NORMALIZATION_OPTIONS",
    "RGB",
    "TENSOR_AXIS_LABELS",
    "TENSOR_VALUE_LABELS",
]

# Name of the entry in a model's list of metadata, and file identifier of its buffer.
ENTRY = "TFLITE_METADATA"
IDENTIFIER = b"M001"
# The oldest parser that supports all fields that partsight writes.
MIN_PARSER_VERSION = "1.0.0"

# AssociatedFileType, ColorSpaceType, and the types of two unions.
TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS = 2, 3
RGB = 1
FEATURE_PROPERTIES, IMAGE_PROPERTIES = 1, 2
NORMALIZATION_OPTIONS = 1

_ENUM = Scalar("b")
_ASSOCIATED_FILE = TableSchema({"name": TEXT, "description": TEXT, "type": _ENUM, "locale": TEXT})
_IMAGE_SIZE = TableSchema({"width": Scalar("I"), "height": Scalar("I")})
_CONTENT = TableSchema(
    {
        "content_properties_type": Scalar("B"),
        "content_properties": Union(
            {
                FEATURE_PROPERTIES: TableSchema(),
                IMAGE_PROPERTIES: TableSchema({"color_space": _ENUM, "default_size": _IMAGE_SIZE}),
            }
        ),
    }
)
_PROCESS_UNIT = TableSchema(
    {
        "options_type": Scalar("B"),
        "options": Union(
            {NORMALIZATION_OPTIONS: TableSchema({"mean": Vector("f"), "std": Vector("f")})}
        ),
    }
)
_TENSOR_METADATA = TableSchema(
    {
        "name": TEXT,
        "description": TEXT,
        "dimension_names": None,
        "content": _CONTENT,
        "process_units": TablesSchema(_PROCESS_UNIT),
        "stats": TableSchema({"max": Vector("f"), "min": Vector("f")}),
        "associated_files": TablesSchema(_ASSOCIATED_FILE),
    }
)
_SUBGRAPH_METADATA = TableSchema(
    {
        "name": TEXT,
        "description": TEXT,
        "input_tensor_metadata": TablesSchema(_TENSOR_METADATA),
        "output_tensor_metadata": TablesSchema(_TENSOR_METADATA),
    }
)
MODEL_METADATA = TableSchema(
    {
        "name": TEXT,
        "description": TEXT,
        "version": TEXT,
        "subgraph_metadata": TablesSchema(_SUBGRAPH_METADATA),
        "author": TEXT,
        "license": TEXT,
        "associated_files": None,
        "min_parser_version": TEXT,
    }
)
