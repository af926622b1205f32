"""Name, product, version, accuracy and origin of a model file, for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partsight.model.file import ModelFile
from partsight.model.tflite.flatbuffer import Malformed
from partsight.model.tflite.model_schema import MODEL
from partsight.model.tflite.standard_metadata import read_standard_metadata
from partsight.model.tflite.verify import verify

__all__ = ["FileFacts", "file_facts"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Facts in a model file; each is None if the file does not contain it.

    Attributes:
        name: from its standard metadata.
        product: that the model is for.
        version: named by its maker, or the time of its training.
        accuracy: share of correctly labelled test images, in [0, 1].
        test_images: number of test images.
        trained_at: time, ISO 8601.
        trained_on: folder of the training images.
    """

    name: str | None = None
    product: str | None = None
    version: str | None = None
    accuracy: float | None = None
    test_images: int | None = None
    trained_at: str | None = None
    trained_on: str | None = None


def file_facts(file: ModelFile) -> FileFacts:
    """Read the facts of a checked file; none is required."""
    made = file.contract.provenance
    test = _table(_table(made.get("export")).get("test"))
    accuracy, images = _number(test.get("accuracy")), _number(test.get("images"))
    return FileFacts(
        _name(file),
        file.contract.product,
        file.contract.version,
        accuracy,
        None if images is None else int(images),
        _text(made.get("created_at")),
        _text(made.get("image_dir")),
    )


def _name(file: ModelFile) -> str | None:
    try:
        verify(file.data, MODEL)
        metadata = read_standard_metadata(file.data)
    except (Malformed, ValueError):
        return None
    return None if metadata is None else metadata.facts.get("name")


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None
