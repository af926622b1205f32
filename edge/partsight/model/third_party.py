"""A contract for a model that another tool made: from its standard metadata, or given by hand.

Such a model says nothing of a part's fate: parts with a good label's name are accepted, and
the label with the highest score decides.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from partsight.decision.decide import OperatingPoint, default_accept_labels
from partsight.errors import ContractError, ModelError
from partsight.image.spec import PreprocessSpec
from partsight.model.contract import Contract
from partsight.model.label_files import read_labels
from partsight.model.tflite.flatbuffer import Malformed, verify
from partsight.model.tflite.last_activation import last_activation
from partsight.model.tflite.model_schema import MODEL
from partsight.model.tflite.standard_metadata import (
    StandardMetadata,
    metadata_entry,
    read_standard_metadata,
)
from partsight.model.third_party_input import foreign_normalization
from partsight.model.third_party_labels import foreign_labels
from partsight.model.third_party_tensors import ForeignTensors, foreign_tensors
from partsight.model.zip_tail import TailDamage
from partsight.utils.text_files import nfc

__all__ = ["MARK", "ModelOverrides", "foreign_contract", "read_labels"]

# A file whose flatbuffer says this was made by partsight: without its contract it is damaged.
MARK = "PARTSIGHT"
_NO_METADATA = StandardMetadata({}, None, None)


@dataclass(frozen=True, slots=True)
class ModelOverrides:
    """What is said by hand of a model that does not say it.

    Attributes:
        labels: in the order of its outputs; None takes those that it carries. Of a model with a
            single sigmoid output two, of which its score is the probability of the second, or
            that one alone.
        accept_labels: the labels of good parts; empty takes those with a good name.
        scale, offset: the network takes byte * scale + offset; None takes its metadata's word.
        logits: whether it leaves the softmax, or sigmoid, to whoever runs it.
        bit_depth: significant bits of image files with 16 bits per sample, also for a model of
            partsight that declares none.
    """

    labels: tuple[str, ...] | None = None
    accept_labels: tuple[str, ...] = ()
    scale: float | None = None
    offset: float = 0.0
    logits: bool = False
    bit_depth: int | None = None


def foreign_contract(data: bytes, name: str, overrides: ModelOverrides) -> Contract:
    """Put together what a model's numbers mean.

    Args:
        data: the model.
        name: of it, for messages.
        overrides: what was said by hand.

    Raises:
        ContractError: it is no image classifier, or a fact is missing or impossible.
        ModelError: it is damaged.
    """
    try:
        verify(data, MODEL)
        if metadata_entry(data, MARK) is not None:
            raise ModelError(f"{name} has lost its contract: its end is cut off. Copy it again.")
        tensors = _tensors(data, name)
        metadata = _metadata(data, name)
        if overrides.logits:
            _require_logits(data, name)
        labels = _labels(data, metadata, tensors, overrides, name)
    except (Malformed, TailDamage) as error:
        raise ModelError(
            f"{name} is damaged: {error}. Copy it again from where it was made."
        ) from error
    try:
        return Contract(
            labels,
            PreprocessSpec(tensors.height, tensors.width, bit_depth=overrides.bit_depth),
            OperatingPoint(_accept_labels(labels, overrides, name)),
            normalization=foreign_normalization(
                tensors.picture,
                metadata.normalization,
                overrides.scale,
                overrides.offset,
                name,
                tensors.layout.channels,
            ),
            logits=overrides.logits,
            layout=tensors.layout,
        )
    except ValueError as error:
        raise ContractError(f"{name} cannot be used: {error}") from error


def _require_logits(data: bytes, name: str) -> None:
    """Refuse ``logits`` of a model with a softmax or sigmoid at its end.

    The second sigmoid would make 0.5 or more of every score: each part would get the second label.
    """
    activation = last_activation(data)
    if activation is not None:
        raise ContractError(
            f"{name} gives probabilities: expected logits, as --logits says, received a model that "
            f"ends with a {activation}. Leave --logits out."
        )


def _tensors(data: bytes, name: str) -> ForeignTensors:
    try:
        return foreign_tensors(data)
    except ValueError as error:
        raise ContractError(f"{name} {error}") from error


def _metadata(data: bytes, name: str) -> StandardMetadata:
    try:
        return read_standard_metadata(data) or _NO_METADATA
    except ValueError as error:
        raise ContractError(f"the metadata in {name} cannot be used: {error}") from error


def _labels(
    data: bytes,
    metadata: StandardMetadata,
    tensors: ForeignTensors,
    overrides: ModelOverrides,
    name: str,
) -> tuple[str, ...]:
    """As many as the model has scores; of a single one, both labels."""
    counts = (2, 1) if tensors.layout.single_score else (tensors.scores,)
    try:
        labels = overrides.labels or foreign_labels(data, metadata, counts, name)
    except ValueError as error:
        raise ContractError(f"{name} cannot be used: {error}") from error
    if len(labels) not in counts:
        expected = "two labels, of which it is the second's, or that one"
        raise ContractError(
            f"{name} gives {tensors.scores} score{'s' * (tensors.scores > 1)}: expected "
            f"{expected if tensors.layout.single_score else 'as many labels'}, received "
            f"{len(labels)}. Give the file with its own labels: --labels labels.txt"
        )
    _require_good_once(labels, overrides, name)
    named = _unique(tuple(map(nfc, labels)))
    return (f"not {named[0]}", named[0]) if len(named) == 1 else named


def _require_good_once(labels: tuple[str, ...], overrides: ModelOverrides, name: str) -> None:
    """Refuse a label that is there twice if any label is good: one of the two may mean bad."""
    twice = [label for label, count in Counter(map(nfc, labels)).items() if count > 1]
    if twice and (overrides.accept_labels or default_accept_labels(labels)):
        raise ContractError(
            f"the labels of {name} have {twice[0]!a} twice: expected each once, since one of them "
            "may stand for another label. Give the labels in the order of its outputs: --labels "
            "labels.txt"
        )


def _accept_labels(
    labels: tuple[str, ...], overrides: ModelOverrides, name: str
) -> tuple[str, ...]:
    if overrides.accept_labels:
        return tuple(map(nfc, overrides.accept_labels))
    good = default_accept_labels(labels)
    if len(good) == len(labels):
        raise ContractError(
            f"every label of {name} names good parts: {', '.join(good)}. Every part would be "
            "accepted. Say which are good: --accept-label"
        )
    return good


def _unique(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Each once: ImageNet has two cranes, of which the second becomes ``crane (2)``."""
    counts: dict[str, int] = {}
    names = []
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
        names.append(label if counts[label] == 1 else f"{label} ({counts[label]})")
    return tuple(names)
