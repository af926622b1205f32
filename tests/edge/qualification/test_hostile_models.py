"""Model files with deliberate changes are refused in one line or run, without a crash.

The environment variable PARTSIGHT_FUZZ sets their number, see CONTRIBUTING.md.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from partsight import Classifier
from partsight.errors import ModelError
from partsight.model.zip_tail import append_tail

COUNT = int(os.environ.get("PARTSIGHT_FUZZ", "30"))
LONGEST_S = 20.0
FRAME = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)

Change = Callable[[bytes, random.Random], bytes]


def parts(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Flatbuffer and tail of a model."""
    with zipfile.ZipFile(io.BytesIO(data)) as tail:
        members = {name: tail.read(name) for name in tail.namelist()}
    return data[: json.loads(members["partsight.json"])["model_bytes"]], members


def forged(flatbuffer: bytes, members: dict[str, bytes]) -> bytes:
    """With a correct digest, as in a file made by an attacker."""
    document = json.loads(members["partsight.json"])
    document["model_bytes"] = len(flatbuffer)
    document["model_sha256"] = hashlib.sha256(flatbuffer).hexdigest()
    return append_tail(flatbuffer, {**members, "partsight.json": json.dumps(document).encode()})


def flipped(data: bytes, generator: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(generator.choice([1, 3, 10])):
        # Most of a model is weights; the data that a parser follows is at both ends.
        edge = generator.randrange(min(60_000, len(data)))
        place = generator.choice([generator.randrange(len(data)), edge, len(data) - 1 - edge])
        changed[place] = generator.randrange(256)
    return bytes(changed)


def forged_flatbuffer(data: bytes, generator: random.Random) -> bytes:
    flatbuffer, members = parts(data)
    return forged(flipped(flatbuffer, generator), members)


def cut_flatbuffer(data: bytes, generator: random.Random) -> bytes:
    flatbuffer, members = parts(data)
    return forged(flatbuffer[: generator.randrange(8, len(flatbuffer))], members)


def truncated(data: bytes, generator: random.Random) -> bytes:
    return data[: generator.randrange(len(data))]


def other_contract(data: bytes, generator: random.Random) -> bytes:
    """A fact of the contract replaced by any JSON value."""
    flatbuffer, members = parts(data)
    document = json.loads(members["partsight.json"])
    place = document
    while True:
        key = generator.choice(sorted(place))
        if not isinstance(place[key], dict) or not place[key] or generator.random() < 0.3:
            break
        place = place[key]
    values = [None, -1, 0, 1e308, 10**30, "", "x", [], {}, [1], ["a", "a"], True, [[]], "\x1b"]
    place[key] = generator.choice(values)
    return append_tail(flatbuffer, {**members, "partsight.json": json.dumps(document).encode()})


def other_tail(data: bytes, generator: random.Random) -> bytes:
    _, members = parts(data)
    return append_tail(flipped(data, generator)[: generator.randrange(len(data))], members)


def foreign(data: bytes, generator: random.Random) -> bytes:
    """Like a model of another tool: standard metadata and labels, no contract."""
    flatbuffer, members = parts(data)
    changed = flipped(flatbuffer.replace(b"PARTSIGHT", b"SOMEBODYS"), generator)
    return append_tail(changed, {"labels.txt": members["labels.txt"]})


def without_contract(data: bytes, generator: random.Random) -> bytes:
    """The facts of the contract would differ from the approved ones."""
    flatbuffer, members = parts(data)
    return append_tail(flatbuffer, {"labels.txt": members["labels.txt"]})


CHANGES: list[Change] = [
    flipped,
    forged_flatbuffer,
    forged_flatbuffer,
    cut_flatbuffer,
    truncated,
    other_contract,
    other_tail,
    foreign,
    foreign,
    without_contract,
]


@pytest.fixture(autouse=True)
def no_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_changed_file_is_refused_or_runs(seed: int, model_path: Path, three_trials: None) -> None:
    generator = random.Random(seed)
    whole = model_path.read_bytes()
    change = CHANGES[seed % len(CHANGES)]
    started = time.monotonic()
    refusal, prediction = None, None
    try:
        classifier = Classifier.load(change(whole, generator))
        (prediction,) = classifier.classify([FRAME])
    except ModelError as error:
        refusal = str(error)
    if refusal is not None:
        assert refusal.isprintable()
        assert 20 < len(refusal) < 1000
    else:
        assert set(prediction.scores) == set(classifier.contract.labels)
        assert change is not without_contract
        if change is flipped:
            # What has the right digest means what it meant.
            assert prediction == Classifier.load(whole).classify([FRAME])[0]
    assert time.monotonic() - started < LONGEST_S
