"""A contract for a model that another tool made: from its standard metadata, or given by hand.

Such a model says nothing of a part's fate: parts with a good label's name are accepted, and
the label with the highest score decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from partsight.decide import OperatingPoint, default_accept_labels
from partsight.errors import ContractError, ModelError
from partsight.model.contract import Contract
from partsight.model.tflite.flatbuffer import Malformed, verify
from partsight.model.tflite.model_schema import MODEL
from partsight.model.tflite.standard_metadata import (
    StandardMetadata,
    metadata_entry,
    read_standard_metadata,
)
from partsight.model.tflite.tensors import Tensor, tensors_of
from partsight.model.zip_tail import TailDamage, read_member
from partsight.picture.spec import PreprocessSpec
from partsight.runtime.feed import Normalization

__all__ = ["MARK", "GivenFacts", "foreign_contract", "read_labels"]

# A file whose flatbuffer says this was made by partsight: without its contract it is damaged.
MARK = "PARTSIGHT"
_MAX_LABELS_BYTES = 1 << 20
_NO_METADATA = StandardMetadata({}, None, None)


@dataclass(frozen=True, slots=True)
class GivenFacts:
    """What is said by hand of a model that does not say it.

    Attributes:
        labels: in the order of its outputs; None takes those of its metadata.
        accept_labels: the labels of good parts; empty takes those with a good name.
        scale, offset: the network takes byte * scale + offset; None takes its metadata's word.
        logits: whether it leaves the softmax to whoever runs it.
    """

    labels: tuple[str, ...] | None = None
    accept_labels: tuple[str, ...] = ()
    scale: float | None = None
    offset: float = 0.0
    logits: bool = False


def foreign_contract(data: bytes, name: str, given: GivenFacts) -> Contract:
    """Put together what a model's numbers mean.

    Args:
        data: the model.
        name: of it, for messages.
        given: what was said by hand.

    Raises:
        ContractError: it is no image classifier, or a fact is missing or impossible.
        ModelError: it is damaged.
    """
    try:
        verify(data, MODEL)
        if metadata_entry(data, MARK) is not None:
            raise ModelError(f"{name} has lost its contract: its end is cut off. Copy it again.")
        metadata = read_standard_metadata(data) or _NO_METADATA
        picture, scores = _picture_and_scores(data, name)
        labels = _unique(given.labels or _labels(data, metadata, name))
    except (Malformed, TailDamage) as error:
        raise ModelError(
            f"{name} is damaged: {error}. Copy it again from where it was made."
        ) from error
    except ValueError as error:
        raise ContractError(f"the metadata in {name} cannot be used: {error}") from error
    if len(labels) != scores.shape[-1]:
        raise ContractError(
            f"{name} gives {scores.shape[-1]} scores: expected as many labels, received "
            f"{len(labels)}. Give the file with its own labels: --labels labels.txt"
        )
    try:
        return Contract(
            labels,
            PreprocessSpec(picture.shape[1], picture.shape[2]),
            OperatingPoint(given.accept_labels or default_accept_labels(labels)),
            normalization=_normalization(picture, metadata, given, name),
            logits=given.logits,
        )
    except ValueError as error:
        raise ContractError(f"{name} cannot be used: {error}") from error


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels of a ``labels.txt``: one a line; empty lines at the end do not count.

    Raises:
        ContractError: it cannot be read.
    """
    try:
        return _lines(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ContractError(
            f"cannot read the labels in {path}: {reason}. Expected a text in UTF-8, a label a line."
        ) from error


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.rstrip().splitlines())


def _unique(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Each once: ImageNet has two cranes, of which the second becomes ``crane (2)``."""
    counts: dict[str, int] = {}
    names = []
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
        names.append(label if counts[label] == 1 else f"{label} ({counts[label]})")
    return tuple(names)


def _picture_and_scores(data: bytes, name: str) -> tuple[Tensor, Tensor]:
    inputs, outputs = tensors_of(data)
    if len(inputs) == len(outputs) == 1:
        picture, scores = inputs[0], outputs[0]
        is_picture = len(picture.shape) == 4 and picture.shape[::3] == (1, 3)
        is_classifier = len(scores.shape) > 1 and set(scores.shape[:-1]) == {1}
        known = "other" not in (picture.dtype, scores.dtype)
        if is_picture and is_classifier and scores.shape[-1] > 1 and known:
            return picture, scores
    shapes = [
        ", ".join(f"{tensor.shape} {tensor.dtype}" for tensor in each) for each in (inputs, outputs)
    ]
    raise ContractError(
        f"{name} is no image classifier: expected one input (1, height, width, 3) and one output "
        f"(1, labels), of float32, uint8 or int8. Received inputs {shapes[0]} and outputs "
        f"{shapes[1]}, as detectors, segmenters and others have. Give a classifier."
    )


def _labels(data: bytes, metadata: StandardMetadata, name: str) -> tuple[str, ...]:
    if metadata.labels_file is None:
        raise ContractError(
            f"{name} carries neither a partsight contract nor labels: it was made by another tool. "
            "Say what its outputs mean: --labels labels.txt"
        )
    try:
        text = read_member(data, metadata.labels_file, _MAX_LABELS_BYTES)
    except LookupError as error:
        raise ContractError(
            f"{name} has lost {metadata.labels_file!a}, which its metadata name: its end is cut "
            "off. Copy it again, or give its labels: --labels labels.txt"
        ) from error
    return _lines(text.decode("utf-8", "replace"))


def _normalization(
    picture: Tensor, metadata: StandardMetadata, given: GivenFacts, name: str
) -> Normalization:
    if given.scale is not None:
        if not given.scale > 0:
            raise ValueError(f"a scale must be above 0. Received: {given.scale}")
        return Normalization((-given.offset / given.scale,), (1 / given.scale,))
    # As other tools do it: whoever takes bytes gets bytes, whatever real numbers they stand for.
    if picture.dtype == "uint8" and picture.scale:
        return Normalization((picture.zero_point,), (1 / picture.scale,))
    if picture.dtype == "uint8":
        return Normalization()
    if metadata.normalization is None:
        raise ContractError(
            f"{name} takes {picture.dtype} and does not say what bytes are to become. Give what "
            "it was trained on: --scale and --offset, e.g. 0.00784314 and -1 for [-1, 1]"
        )
    return metadata.normalization
