"""A model file: read, proved to be the file that was made, or written.

A partsight model is a TFLite flatbuffer followed by a zip archive, which runtimes ignore
and unzip reads. The archive holds ``partsight.json``, the contract, and ``labels.txt``
for other tools. The contract names the size and SHA-256 of the flatbuffer before it, so
that a damaged file is refused here and never reaches the native parser, which can crash.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight.contract import Contract, contract_from_document, contract_to_document
from partsight.errors import ContractError, ModelError

__all__ = ["ModelFile", "attach_contract", "load_model_file", "read_member"]

CONTRACT_NAME = "partsight.json"
CONTRACT_VERSION = 1
_LABELS_NAME = "labels.txt"
# A contract is a few kilobytes; a tail that unpacks to more is not one.
_MAX_CONTRACT_BYTES = 1 << 20
_MAX_TAIL_BYTES = 1 << 23
# Whoever unpacks the tail with another tool finds nothing that leaves the folder.
_MEMBER_NAME = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)?\.(json|txt|png)")
_TFLITE_IDENTIFIER = b"TFL3"
# Zip stores local time; a fixed one makes equal models equal files.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

# What reading a damaged zip archive or its JSON was seen to raise, beside BadZipFile.
_DAMAGE = (ValueError, OSError, EOFError, RuntimeError, zlib.error)


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
    stream = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as tail:
        text = json.dumps(document, indent=1, ensure_ascii=False)
        tail.writestr(_entry(CONTRACT_NAME), text)
        tail.writestr(_entry(_LABELS_NAME), "".join(f"{label}\n" for label in contract.labels))
        for name, data in (members or {}).items():
            tail.writestr(_entry(name), data)
    return stream.getvalue()


def load_model_file(model: str | Path | bytes) -> ModelFile:
    """Read a model and check it against its own contract.

    Args:
        model: a path, or the file's bytes.

    Returns:
        The bytes that were checked, with the contract; nothing is read twice.

    Raises:
        ModelError: no such file, no TFLite model, or damaged.
        ContractError: no contract in it, or one that this partsight cannot honour.
    """
    data = model if isinstance(model, bytes) else _read(Path(model))
    name = "these bytes" if isinstance(model, bytes) else str(model)
    if data[4:8] != _TFLITE_IDENTIFIER:
        raise ModelError(
            f"{name} is not a TFLite model: expected {_TFLITE_IDENTIFIER!r} at byte 4, "
            f"received {data[4:8]!r}. Give a .tflite file that 'partsight train' made."
        )
    document = _read_document(data, name)
    _check_digest(data, document, name)
    try:
        contract = contract_from_document(document)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise ContractError(f"the contract in {name} cannot be used: {reason}") from error
    return ModelFile(data, hashlib.sha256(data).hexdigest(), contract)


def read_member(data: bytes, name: str, most: int) -> bytes:
    """A file of the zip tail of a model's bytes.

    Raises:
        ModelError: not there, damaged, or of more than ``most`` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as tail:
            if tail.getinfo(name).file_size > most:
                raise ModelError(f"{name} in the model is over {most} bytes; expected less")
            return tail.read(name)
    except (zipfile.BadZipFile, KeyError, *_DAMAGE) as error:
        raise ModelError(
            f"{name} in the model is missing or damaged. Copy the model again."
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot read the model {path}: {error.strerror or error}. "
            "Give the path of a .tflite file that 'partsight train' made."
        ) from error


def _read_document(data: bytes, name: str) -> Mapping[str, Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as tail:
            _check_members(tail.infolist(), name)
            if tail.getinfo(CONTRACT_NAME).file_size > _MAX_CONTRACT_BYTES:
                raise ContractError(f"the contract in {name} is over {_MAX_CONTRACT_BYTES} bytes")
            document = json.loads(tail.read(CONTRACT_NAME))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ContractError(
            f"{name} carries no partsight contract: it was made by another tool, or its end is "
            "cut off. Copy it again, or export it with 'partsight train'."
        ) from error
    except _DAMAGE as error:
        raise ModelError(
            f"{name} is damaged: its contract cannot be read. Copy it again."
        ) from error
    if not isinstance(document, dict) or document.get("format") != CONTRACT_VERSION:
        raise ContractError(
            f"the contract in {name} has a format that this partsight does not know: expected "
            f"{CONTRACT_VERSION}. Install the partsight that made the model."
        )
    return document


def _check_members(members: Sequence[zipfile.ZipInfo], name: str) -> None:
    names = [member.filename for member in members]
    strange = [each for each in names if not _MEMBER_NAME.fullmatch(each)]
    if CONTRACT_NAME in names and (
        strange
        or len(set(names)) < len(names)
        or sum(member.file_size for member in members) > _MAX_TAIL_BYTES
    ):
        reason = f"a name such as {strange[0]!a}" if strange else "a name twice, or too much"
        raise ContractError(
            f"the zip tail of {name} holds {reason}, which no partsight writes: expected plain "
            f"names, each once, of {_MAX_TAIL_BYTES >> 20} MiB at most. Get the file anew."
        )


def _check_digest(data: bytes, document: Mapping[str, Any], name: str) -> None:
    size = document.get("model_bytes")
    promised = document.get("model_sha256")
    if not isinstance(size, int) or hashlib.sha256(data[:size]).hexdigest() != promised:
        raise ModelError(
            f"{name} is damaged: its content does not have the SHA-256 that its contract names. "
            "Copy it again from where it was made."
        )


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
