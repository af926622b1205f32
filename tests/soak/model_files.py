"""Good and bad models for the folder of new models."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

from partsight.model.file import attach_contract, load_model_file

__all__ = ["BAD", "good_model", "write_bad_model"]

BAD = (
    "truncated",
    "garbage",
    "damaged inside",
    "odd name",
    "long name",
    "sparse",
    "link",
    "folder",
)
# Larger than any model, and small enough for a machine that runs other things too.
_SPARSE_BYTES = 600_000_000


def good_model(path: Path, name: str) -> bytes:
    """Return a model under another name, so with another digest."""
    file = load_model_file(path)
    with zipfile.ZipFile(io.BytesIO(file.data)) as tail:
        members = {sample.file: tail.read(sample.file) for sample in file.contract.golden}
        size = json.loads(tail.read("partsight.json"))["model_bytes"]
    contract = dataclasses.replace(
        file.contract, provenance={**file.contract.provenance, "name": name}
    )
    return attach_contract(file.data[:size], contract, members)


def write_bad_model(kind: str, model: Path, incoming: Path, number: int) -> None:
    """Put a file into the folder that must not become the model of the line."""
    incoming.mkdir(parents=True, exist_ok=True)
    data = model.read_bytes()
    path = incoming / f"bad-{number}.tflite"
    if kind == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "garbage":
        path.write_bytes(hashlib.sha512(b"%d" % number).digest() * 1000)
    elif kind == "damaged inside":
        path.write_bytes(data[:2000] + b"\xff" * 100 + data[2100:])
    elif kind == "odd name":
        name = os.fsencode(incoming) + b"/\xff\xfe-%d.tflite" % number
        with open(name, "wb") as file:
            file.write(data[:1000])
    elif kind == "long name":
        (incoming / ("n" * 240 + f"{number % 1000}.tflite")).write_bytes(data[:1000])
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(_SPARSE_BYTES)
    elif kind == "link":
        path.symlink_to("../../secrets/mqtt")
    else:
        path.mkdir()
