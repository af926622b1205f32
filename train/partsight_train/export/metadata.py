"""The standard TFLite metadata of a delivered file, for other tools.

Region of interest and operating point, which the standard does not define, are in the
description; only the contract is complete. A score threshold is not written: by the standard it
hides each label with a lower score, which would include the label of a bad part.
"""

from __future__ import annotations

from typing import Any

from partsight.model.contract import Contract
from partsight.model.file import LABELS_NAME
from partsight.model.tflite.metadata_schema import (
    ENTRY,
    FEATURE_PROPERTIES,
    IDENTIFIER,
    IMAGE_PROPERTIES,
    MIN_PARSER_VERSION,
    MODEL_METADATA,
    NORMALIZATION_OPTIONS,
    RGB,
    TENSOR_AXIS_LABELS,
)
from partsight.model.tflite.tensors import Tensor, tensors_of
from partsight.model.third_party import MARK
from partsight_train.export.flatbuffer_writer import add_metadata, packed
from partsight_train.settings import CardSettings

__all__ = ["with_metadata"]


def with_metadata(flatbuffer: bytes, contract: Contract, card: CardSettings) -> bytes:
    """Add the standard metadata, and the mark of a file that has a contract.

    Args:
        flatbuffer: output of the converter.
        contract: contract of the file.
        card: name, version, author and licence of the model.
    """
    inputs, outputs = tensors_of(flatbuffer)
    document = {
        "name": card.model_name,
        "description": _description(contract),
        "version": card.model_version or str(contract.provenance.get("created_at", "")),
        "author": card.author,
        "license": card.license,
        "subgraph_metadata": [
            {
                "input_tensor_metadata": [_image(inputs[0], contract)],
                "output_tensor_metadata": [_output(each, contract) for each in outputs],
            }
        ],
        "min_parser_version": MIN_PARSER_VERSION,
    }
    present = {name: value for name, value in document.items() if value}
    entries = {ENTRY: packed(MODEL_METADATA, present, IDENTIFIER), MARK: b"1"}
    return add_metadata(flatbuffer, entries)


def _description(contract: Contract) -> str:
    spec, point = contract.preprocess, contract.operating_point
    sentences = [f"Classifies parts as {', '.join(contract.labels)}."]
    if contract.product is not None:
        sentences.append(f"Product: {contract.product}.")
    if spec.roi is not None:
        sentences.append(f"Uses only the region {spec.roi} (left, top, width, height) of an image.")
    if spec.bit_depth is not None:
        sentences.append(f"Files of 16 bits per sample have {spec.bit_depth} significant bits.")
    if spec.fit != "stretch":
        sentences.append("Images keep their proportions, between grey bars.")
    if contract.tiles != (1, 1):
        sentences.append("Gives scores per tile, row by row; the worst tile decides.")
    if point.accept_labels:
        sentences.append(
            f"A part is good if {' + '.join(point.accept_labels)} is above "
            f"{point.accept_above:.4f}, bad if it is below {point.reject_below:.4f}."
        )
    return " ".join(sentences)


def _image(tensor: Tensor, contract: Contract) -> dict[str, Any]:
    spec, normalization = contract.preprocess, contract.normalization
    ends = [
        [
            (byte - mean) / std
            for mean, std in zip(normalization.mean, normalization.std, strict=True)
        ]
        for byte in (255, 0)
    ]
    highest, lowest = ends if tensor.dtype == "float32" else ([255.0], [0.0])
    return {
        "name": "image",
        "description": "The image of a part, RGB.",
        "content": {
            "content_properties_type": IMAGE_PROPERTIES,
            "content_properties": {
                "color_space": RGB,
                "default_size": {"width": spec.width, "height": spec.height},
            },
        },
        "process_units": [
            {
                "options_type": NORMALIZATION_OPTIONS,
                "options": {"mean": normalization.mean, "std": normalization.std},
            }
        ],
        "stats": {"max": highest, "min": lowest},
    }


def _output(tensor: Tensor, contract: Contract) -> dict[str, Any]:
    if tensor.shape == (1, *(contract.heatmap or ()), 1):
        return {
            "name": "heatmap",
            "description": "At each position, the mean logit of the labels of bad parts minus that "
            "of the labels of good parts.",
            "content": {"content_properties_type": FEATURE_PROPERTIES, "content_properties": {}},
        }
    return _scores(tensor, contract)


def _scores(tensor: Tensor, contract: Contract) -> dict[str, Any]:
    top = 1.0 if tensor.dtype == "float32" else 255.0
    return {
        "name": "probability",
        "description": f"The probability of each label: {', '.join(contract.labels)}.",
        "content": {"content_properties_type": FEATURE_PROPERTIES, "content_properties": {}},
        "stats": {"max": [top], "min": [0.0]},
        "associated_files": [
            {
                "name": LABELS_NAME,
                "description": "The labels, one per line.",
                "type": TENSOR_AXIS_LABELS,
            }
        ],
    }
