"""Makes a contract for a third-party model, from its standard metadata or facts given by hand.

Such a model has no operating point: labels with good names are accepted, at the default
thresholds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from partsight.decision.operating_point import OperatingPoint, default_accept_labels
from partsight.errors import ContractError, ModelError
from partsight.image.spec import PreprocessSpec
from partsight.model.contract import Contract
from partsight.model.label_files import read_labels
from partsight.model.tflite.flatbuffer import Malformed
from partsight.model.tflite.last_activation import last_activation
from partsight.model.tflite.model_schema import MODEL
from partsight.model.tflite.standard_metadata import (
    StandardMetadata,
    metadata_entry,
    read_standard_metadata,
)
from partsight.model.tflite.verify import verify
from partsight.model.third_party_input import third_party_normalization
from partsight.model.third_party_labels import third_party_labels
from partsight.model.third_party_tensors import ThirdPartyTensors, third_party_tensors
from partsight.model.zip_tail import TailDamage
from partsight.utils.counts import counted
from partsight.utils.text_files import nfc

__all__ = ["MARK", "ModelOverrides", "third_party_contract", "read_labels"]

# Metadata entry of a flatbuffer from partsight: without a contract such a file is damaged.
MARK = "PARTSIGHT"
_NO_METADATA = StandardMetadata({}, None, None)


@dataclass(frozen=True, slots=True)
class ModelOverrides:
    """Facts given by hand for a model that does not contain them.

    Attributes:
        labels: in the order of its outputs; None uses those in the model. For a model with a
            single sigmoid output: two labels, whose second has the output's probability, or only
            that one.
        accept_labels: the labels of good parts; empty uses those with a good name.
        scale, offset: the network expects byte * scale + offset; None uses the metadata.
        logits: whether the output is logits, without the final softmax or sigmoid.
        bit_depth: significant bits of image files with 16 bits per sample, also for a model of
            partsight that declares none.
    """

    labels: tuple[str, ...] | None = None
    accept_labels: tuple[str, ...] = ()
    scale: float | None = None
    offset: float = 0.0
    logits: bool = False
    bit_depth: int | None = None


def third_party_contract(data: bytes, name: str, overrides: ModelOverrides) -> Contract:
    """Make the contract of a third-party model.

    Args:
        data: the model.
        name: of the model, for messages.
        overrides: facts given by hand.

    Raises:
        ContractError: it is not an image classifier, or a fact is missing or invalid.
        ModelError: it is damaged.
    """
    try:
        verify(data, MODEL)
        if metadata_entry(data, MARK) is not None:
            raise ModelError(f"{name} has lost its contract: the file is truncated. Copy it again.")
        tensors = _tensors(data, name)
        metadata = _metadata(data, name)
        if overrides.logits:
            _require_logits(data, name)
        labels = _labels(data, metadata, tensors, overrides, name)
    except (Malformed, TailDamage) as error:
        raise ModelError(f"{name} is damaged: {error}. Copy it again from its origin.") from error
    try:
        return Contract(
            labels,
            PreprocessSpec(tensors.height, tensors.width, bit_depth=overrides.bit_depth),
            OperatingPoint(_accept_labels(labels, overrides, name)),
            normalization=third_party_normalization(
                tensors.image,
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
    """Refuse ``logits`` for a model that ends with a softmax or sigmoid.

    A second sigmoid would give scores of at least 0.5, and every part the second label.
    """
    activation = last_activation(data)
    if activation is not None:
        raise ContractError(
            f"{name} gives probabilities: expected logits because of --logits, received a model "
            f"that ends with a {activation}. Leave --logits out."
        )


def _tensors(data: bytes, name: str) -> ThirdPartyTensors:
    try:
        return third_party_tensors(data)
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
    tensors: ThirdPartyTensors,
    overrides: ModelOverrides,
    name: str,
) -> tuple[str, ...]:
    """One label per score; two for a single score."""
    counts = (2, 1) if tensors.layout.single_score else (tensors.scores,)
    try:
        labels = overrides.labels or third_party_labels(data, metadata, counts, name)
    except ValueError as error:
        raise ContractError(f"{name} cannot be used: {error}") from error
    if len(labels) not in counts:
        single = "two labels, whose second has this score, or only that one"
        expected = single if tensors.layout.single_score else counted(tensors.scores, "label")
        raise ContractError(
            f"{name} gives {counted(tensors.scores, 'score')}: expected "
            f"{expected}, received {len(labels)}. Give the file with its own labels: --labels "
            "labels.txt"
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
            "accepted. Name the good ones: --accept-label"
        )
    return good


def _unique(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels without duplicates: ImageNet's second ``crane`` becomes ``crane (2)``."""
    counts: dict[str, int] = {}
    names = []
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
        names.append(label if counts[label] == 1 else f"{label} ({counts[label]})")
    return tuple(names)
