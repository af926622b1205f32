"""Hundreds of damaged and unusual files: each gives an image or a reason; see ``tests/corpus``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.corpus.entry import Entry
from tests.corpus.make import write_corpus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and measures by /proc")

ROOT = Path(__file__).parents[3]
MIB = 1 << 20

# The largest picture that is allowed takes 400 MB as Pillow holds it and 300 as BGR. Of a WebP
# libwebp and Pillow hold four canvases at a time: 1,590 MB were measured, the process included.
DECODE_ROOM = 2048 * MIB
DECODE_PEAK = 1750 * MIB
# Pictures are decoded on each core and wait for the network; three are as large as is allowed,
# and two of them may be decoded together: 1,620 MB were measured.
CLASSIFY_PEAK = 3000 * MIB
# One picture takes 2 s of the processor at most. All together take a quarter of a minute, and a
# multiple of that where other work is on the cores: then nothing hangs yet.
LONGEST_S, ALL_S = 10.0, 600.0


@dataclass(frozen=True, slots=True)
class Corpus:
    folder: Path
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended: its code, the lines it wrote, and the most memory it had, in bytes."""

    code: int
    out: list[str]
    err: list[bytes]
    peak: int


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    return Corpus(folder, write_corpus(folder))


@pytest.fixture(scope="module")
def decoded(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    arguments = ("-m", "tests.corpus.decode_all", corpus.folder, str(DECODE_ROOM))
    return run_measured(tmp_path_factory.mktemp("decoded"), *arguments)


@pytest.fixture(scope="module")
def outcomes(decoded: Ended) -> list[dict[str, Any]]:
    """The outcome of each file, decoded as a whole and then for a network."""
    found = [json.loads(line) for line in decoded.out]
    return [outcome for outcome in found if "begun" not in outcome]


def run_measured(place: Path, *arguments: str | Path) -> Ended:
    """Run this Python in the root of the repository, with a time limit."""
    report = place / "report.json"
    measured = (sys.executable, "-m", "tests.corpus.measured", str(ALL_S), report, sys.executable)
    with (place / "out").open("wb") as out, (place / "err").open("wb") as err:
        subprocess.run([*measured, *arguments], cwd=ROOT, stdout=out, stderr=err, check=True)
    return Ended(
        **json.loads(report.read_text()),
        out=(place / "out").read_text().splitlines(),
        err=(place / "err").read_bytes().split(b"\n"),
    )


def test_the_corpus_is_large_and_reproducible(corpus: Corpus, tmp_path: Path) -> None:
    again = write_corpus(tmp_path)

    assert len(corpus.entries) >= 300
    assert [entry.name for entry in again] == [entry.name for entry in corpus.entries]
    assert [entry.data for entry in again] == [entry.data for entry in corpus.entries]
    assert all(entry.reason for entry in again)


def test_no_file_crashes_or_hangs_the_process(corpus: Corpus, decoded: Ended) -> None:
    assert decoded.code == 0, (decoded.code, decoded.out[-1:], decoded.err[-5:])
    assert len(decoded.out) == 4 * len(corpus.entries)


def test_memory_and_time_are_bounded(decoded: Ended, outcomes: list[dict[str, Any]]) -> None:
    slowest = max(outcomes, key=lambda outcome: outcome["seconds"])

    assert decoded.peak < DECODE_PEAK, f"{decoded.peak / MIB:.0f} MiB"
    assert slowest["seconds"] < LONGEST_S, slowest


def test_each_file_gives_an_image_or_a_reason_of_one_line(outcomes: list[dict[str, Any]]) -> None:
    for outcome in outcomes:
        if "error" in outcome:
            assert outcome["error"].strip(), outcome
            assert outcome["error"].isprintable(), outcome
        else:
            assert outcome["dtype"] == "uint8", outcome
            assert outcome["shape"][2:] == [3], outcome


def test_good_images_decode_and_others_are_refused(
    corpus: Corpus, outcomes: list[dict[str, Any]]
) -> None:
    expected = {entry.name: entry.outcome for entry in corpus.entries}

    wrong = [
        outcome
        for outcome in outcomes
        if expected[outcome["name"]] == ("good" if "error" in outcome else "refused")
    ]

    assert wrong == []
    assert sum("error" not in outcome for outcome in outcomes) > 200


def test_good_images_have_their_size(corpus: Corpus, outcomes: list[dict[str, Any]]) -> None:
    sizes = {e.name: e.size_wh for e in corpus.entries if e.outcome == "good" and e.size_wh}
    whole = {o["name"]: o["shape"] for o in outcomes if not o["scaled"] and "shape" in o}

    assert {name: (whole[name][1], whole[name][0]) for name in sizes} == sizes


def test_classify_reports_each_file(corpus: Corpus, model_path: Path, tmp_path: Path) -> None:
    rows_file = tmp_path / "out.jsonl"

    command = ("-m", "partsight", "classify", model_path, corpus.folder, "-o", rows_file)
    ended = run_measured(tmp_path, *command, "--quiet")

    assert ended.code == 3, (ended.code, ended.err[-5:])
    rows = [json.loads(line) for line in rows_file.read_text("ascii").splitlines()]
    # A folder is looked into, whatever it is called.
    expected = {os.fspath(corpus.folder / e.name) for e in corpus.entries if e.kind != "folder"}
    assert len(rows) == len(expected)
    assert {row["path"] for row in rows} == expected
    assert all(bool(row["verdict"]) != bool(row["error"]) for row in rows)
    lines = [line for line in ended.err if line]
    assert [line for line in lines if not line.startswith(b"partsight: ")] == []
    # Without the advice to install another runtime.
    named = [line for line in lines if b"pip install ai-edge-litert" not in line]
    assert len(named) == sum(row["error"] is not None for row in rows) + 1
    assert all(line.decode().isprintable() for line in named)
    assert b"name-broken\\nline.png: not an image" in b"\n".join(named)
    assert b"name-broken-\\udcff\\n.png: not an image" in b"\n".join(named)
    assert ended.peak < CLASSIFY_PEAK, f"{ended.peak / MIB:.0f} MiB"
