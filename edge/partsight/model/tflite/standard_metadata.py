"""Reads the standard TFLite metadata of an image classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from partsight.image.normalization import Normalization
from partsight.model.tflite.flatbuffer import View
from partsight.model.tflite.metadata_schema import (
    ENTRY,
    IDENTIFIER,
    MODEL_METADATA,
    NORMALIZATION_OPTIONS,
    TENSOR_AXIS_LABELS,
    TENSOR_VALUE_LABELS,
)
from partsight.model.tflite.model_schema import MODEL
from partsight.model.tflite.verify import verify

__all__ = ["StandardMetadata", "metadata_entry", "read_standard_metadata"]


@dataclass(frozen=True, slots=True)
class StandardMetadata:
    """The standard metadata of an image classifier.

    Attributes:
        facts: name, description, version, author and license, if given.
        labels_file: the file in the zip tail with the labels, one per line, or None.
        normalization: of the input, or None.
    """

    facts: dict[str, str]
    labels_file: str | None
    normalization: Normalization | None


def metadata_entry(flatbuffer: bytes, name: str) -> bytes | None:
    """The content of an entry in a verified model's list of metadata; None without one.

    Raises:
        Malformed: it refers to a buffer that the model does not have.
    """
    model = View(flatbuffer, MODEL)
    for entry in model.tables("metadata"):
        if entry.text("name") == name:
            return model.one_of("buffers", int(entry.number("buffer"))).numbers("data").tobytes()
    return None


def read_standard_metadata(flatbuffer: bytes) -> StandardMetadata | None:
    """The standard metadata of a verified model, or None.

    Raises:
        Malformed: the metadata is damaged.
        ValueError: the normalization is invalid.
    """
    data = metadata_entry(flatbuffer, ENTRY)
    if data is None or data[4:8] != IDENTIFIER:
        return None
    verify(data, MODEL_METADATA)
    model = View(data, MODEL_METADATA)
    names = ("name", "description", "version", "author", "license")
    facts = {name: text for name in names if (text := model.text(name))}
    graph = next(iter(model.tables("subgraph_metadata")), None)
    if graph is None:
        return StandardMetadata(facts, None, None)
    return StandardMetadata(facts, _labels_file(graph), _normalization(graph))


def _labels_file(graph: View) -> str | None:
    """The file with the labels of the axis of scores, or else with the labels of the values."""
    for output in graph.tables("output_tensor_metadata")[:1]:
        files = output.tables("associated_files")
        for kind in (TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS):
            named = [file.text("name") for file in files if file.number("type") == kind]
            if named:
                return named[0]
    return None


def _normalization(graph: View) -> Normalization | None:
    for tensor in graph.tables("input_tensor_metadata")[:1]:
        for unit in tensor.tables("process_units"):
            options = unit.table("options")
            if options is not None and unit.number("options_type") == NORMALIZATION_OPTIONS:
                mean, std = (
                    tuple(map(float, np.atleast_1d(options.numbers(name)).tolist()))
                    for name in ("mean", "std")
                )
                return Normalization(mean, std)
    return None
