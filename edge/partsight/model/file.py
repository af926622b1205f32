"""A model file: read, proved to be the file that was made, or written.

A partsight model is a TFLite flatbuffer followed by a zip archive, which runtimes ignore
and unzip reads. The archive holds ``partsight.json``, the contract, and ``labels.txt``
for other tools. The contract names the size and SHA-256 of the flatbuffer before it, so
that a damaged file is refused here and never reaches the native parser, which can crash.
A model that another tool made has no contract; ``foreign`` puts one together.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight.errors import ContractError, ModelError
from partsight.model.bit_depth import with_bit_depth
from partsight.model.contract import Contract, contract_from_document, contract_to_document
from partsight.model.third_party import ModelOverrides, foreign_contract
from partsight.model.zip_tail import TailDamage, append_tail, read_member

__all__ = ["LABELS_NAME", "ModelFile", "attach_contract", "load_model_file", "read_model"]

CONTRACT_NAME = "partsight.json"
CONTRACT_VERSION = 1
LABELS_NAME = "labels.txt"
# A contract is a few kilobytes; a tail that unpacks to more is not one.
_MAX_CONTRACT_BYTES = 1 << 20
# What the contract says of the file, not of the model.
_OF_THE_FILE = ("format", "model_bytes", "model_sha256")
_TFLITE_IDENTIFIER = b"TFL3"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model whose bytes were checked against its contract.

    Attributes:
        data: the whole file, as it is handed to a runtime.
        sha256: hexadecimal digest of ``data``.
        contract: what the file says of itself.
    """

    data: bytes = dataclasses.field(repr=False)
    sha256: str
    contract: Contract


def attach_contract(
    flatbuffer: bytes, contract: Contract, members: Mapping[str, bytes] | None = None
) -> bytes:
    """Append the contract to a converted model.

    Args:
        flatbuffer: what the TFLite converter gave.
        contract: what to say of it.
        members: other files of the zip tail, by name: pictures of golden samples.

    Returns:
        The bytes of a partsight model.
    """
    document = {
        "format": CONTRACT_VERSION,
        "model_bytes": len(flatbuffer),
        "model_sha256": hashlib.sha256(flatbuffer).hexdigest(),
        **contract_to_document(contract),
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    labels = "".join(f"{label}\n" for label in contract.labels)
    own = {CONTRACT_NAME: text.encode(), LABELS_NAME: labels.encode()}
    return append_tail(flatbuffer, {**own, **(members or {})})


def load_model_file(
    model: str | Path | bytes, overrides: ModelOverrides | None = None
) -> ModelFile:
    """Read a model and check it against its own contract.

    Args:
        model: a path, or the file's bytes.
        overrides: what a model of another tool does not say of itself.

    Returns:
        The bytes that were checked, with the contract; nothing is read twice.

    Raises:
        ModelError: no such file, no TFLite model, or damaged.
        ContractError: no contract in it and no facts in its place, one that this partsight
            cannot honour, or facts for a model that has one.
    """
    data = model if isinstance(model, bytes) else read_model(Path(model))
    name = "the model" if isinstance(model, bytes) else str(model)
    if data[4:8] != _TFLITE_IDENTIFIER:
        raise ModelError(
            f"{name} is not a TFLite model: expected {_TFLITE_IDENTIFIER!r} at byte 4, "
            f"received {data[4:8]!r}. Give a .tflite file that 'partsight train' made."
        )
    document = _read_document(data, name)
    digest = hashlib.sha256(data).hexdigest()
    if document is None:
        return ModelFile(data, digest, foreign_contract(data, name, overrides or ModelOverrides()))
    depth = None if overrides is None else overrides.bit_depth
    if overrides not in (None, ModelOverrides(bit_depth=depth)):
        raise ContractError(
            f"{name} says itself what its numbers mean: expected no labels, scale, offset, accept "
            "labels or logits given by hand. Leave these options out."
        )
    _check_digest(data, document, name)
    try:
        facts = {name: value for name, value in document.items() if name not in _OF_THE_FILE}
        contract = with_bit_depth(contract_from_document(facts), depth)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise ContractError(f"the contract in {name} cannot be used: {reason}") from error
    return ModelFile(data, digest, contract)


def read_model(path: Path) -> bytes:
    """The bytes of a file, unchecked.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot read the model {path}: {error.strerror or error}. "
            "Give the path of a .tflite file that 'partsight train' made."
        ) from error


def _read_document(data: bytes, name: str) -> Mapping[str, Any] | None:
    """The contract's JSON; None where the file has none."""
    try:
        document = json.loads(read_member(data, CONTRACT_NAME, _MAX_CONTRACT_BYTES))
    except LookupError:
        return None
    except (TailDamage, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, TailDamage) else "it is no JSON"
        raise ModelError(
            f"{name} is damaged: its contract cannot be read: {reason}. Copy it again from where "
            "it was made."
        ) from error
    if not isinstance(document, dict) or document.get("format") != CONTRACT_VERSION:
        raise ContractError(
            f"the contract in {name} has a format that this partsight does not know: expected "
            f"{CONTRACT_VERSION}. Install the partsight that made the model."
        )
    return document


def _check_digest(data: bytes, document: Mapping[str, Any], name: str) -> None:
    size = document.get("model_bytes")
    promised = document.get("model_sha256")
    if not isinstance(size, int) or hashlib.sha256(data[:size]).hexdigest() != promised:
        raise ModelError(
            f"{name} is damaged: its content does not have the SHA-256 that its contract names. "
            "Copy it again from where it was made."
        )
