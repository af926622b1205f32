"""Reads, checks and writes model files.

A partsight model is a TFLite flatbuffer followed by a zip archive, which runtimes ignore and unzip
reads. The archive contains ``partsight.json``, the contract, and ``labels.txt`` for other tools.
The contract has the size and SHA-256 of the flatbuffer, so that a damaged file is refused here
and does not reach the native parser, which can crash. For a third-party model without a contract,
``third_party`` makes one.
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
from partsight.model.third_party import ModelOverrides, third_party_contract
from partsight.model.zip_tail import TailDamage, append_tail, read_member
from partsight.utils.bounded_file import TooLarge, read_bounded
from partsight.utils.limits import MAX_MODEL_BYTES

__all__ = ["LABELS_NAME", "ModelFile", "attach_contract", "load_model_file", "read_model"]

CONTRACT_NAME = "partsight.json"
CONTRACT_VERSION = 1
LABELS_NAME = "labels.txt"
# A contract is a few kilobytes; a tail that unpacks to more is not one.
_MAX_CONTRACT_BYTES = 1 << 20
# Keys of the contract's document that describe the file, not the model.
_FILE_KEYS = ("format", "model_bytes", "model_sha256")
_TFLITE_IDENTIFIER = b"TFL3"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model whose bytes were checked against its contract.

    Attributes:
        data: the whole file.
        sha256: hexadecimal digest of ``data``.
        contract: of the model.
    """

    data: bytes = dataclasses.field(repr=False)
    sha256: str
    contract: Contract


def attach_contract(
    flatbuffer: bytes, contract: Contract, members: Mapping[str, bytes] | None = None
) -> bytes:
    """Append the contract to a converted model.

    Args:
        flatbuffer: output of the TFLite converter.
        contract: of the model.
        members: other files for the zip tail, by name: images of golden samples.

    Returns:
        The bytes of a partsight model file.
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
        model: path or bytes of the file.
        overrides: facts that a third-party model does not contain.

    Returns:
        The checked bytes with the contract; the file is read once.

    Raises:
        ModelError: the file is missing, damaged, or not a TFLite model.
        ContractError: the contract is invalid; a third-party model lacks a fact; or overrides are
            given for a model with a contract.
    """
    data = model if isinstance(model, bytes) else read_model(Path(model))
    name = "the model" if isinstance(model, bytes) else str(model)
    if data[4:8] != _TFLITE_IDENTIFIER:
        raise ModelError(
            f"{name} is not a TFLite model: expected {_TFLITE_IDENTIFIER!r} at byte 4, "
            f"received {data[4:8]!r}. Give a .tflite file from 'partsight train'."
        )
    document = _read_document(data, name)
    digest = hashlib.sha256(data).hexdigest()
    if document is None:
        return ModelFile(
            data, digest, third_party_contract(data, name, overrides or ModelOverrides())
        )
    depth = None if overrides is None else overrides.bit_depth
    if overrides not in (None, ModelOverrides(bit_depth=depth)):
        raise ContractError(
            f"{name} has a contract: expected no labels, scale, offset, accept labels or logits "
            "given by hand. Leave these options out."
        )
    _check_digest(data, document, name)
    try:
        facts = {name: value for name, value in document.items() if name not in _FILE_KEYS}
        contract = with_bit_depth(contract_from_document(facts), depth)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise ContractError(f"the contract in {name} cannot be used: {reason}") from error
    return ModelFile(data, digest, contract)


def read_model(path: Path) -> bytes:
    """The bytes of a file, unchecked except for its size.

    Raises:
        ModelError: the file cannot be read, or is too large.
    """
    try:
        return read_bounded(path, MAX_MODEL_BYTES)
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or error or "not enough memory"
        raise ModelError(
            f"cannot read the model {path}: {reason}. "
            "Give the path of a .tflite file from 'partsight train'."
        ) from error
    except TooLarge as error:
        raise ModelError(
            f"{path} is too large for a model: {error}. Give a .tflite file from 'partsight train'."
        ) from error


def _read_document(data: bytes, name: str) -> Mapping[str, Any] | None:
    """The contract's JSON object; None if the file has no contract."""
    try:
        document = json.loads(read_member(data, CONTRACT_NAME, _MAX_CONTRACT_BYTES))
    except LookupError:
        return None
    except (TailDamage, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, TailDamage) else "it is not JSON"
        raise ModelError(
            f"{name} is damaged: its contract cannot be read: {reason}. Copy it again from its "
            "origin."
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
            f"{name} is damaged: its content does not have the SHA-256 of its contract. "
            "Copy it again from its origin."
        )
