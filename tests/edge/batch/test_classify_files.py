"""One result per file, in order, for all kinds of files."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from partsight.batch.classify_files import classify_inputs
from partsight.inputs.base import Input, InputImage, Unreadable
from partsight.records import Verdict


def test_each_file_has_its_result(tmp_path: Path, classifier) -> None:
    for name, red in (("good", 250), ("bad", 10), ("unclear", 150)):
        image_bgr = np.zeros((2, 4, 3), np.uint8)
        image_bgr[:, ::2, 0], image_bgr[:, :, 2] = 255, red
        cv2.imwrite(str(tmp_path / f"{name}.png"), image_bgr)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    paths = [tmp_path / f"{n}.png" for n in ("good", "broken", "bad", "missing", "unclear")]

    results = list(classifier.classify_files(paths))

    assert [result.path for result in results] == [str(path) for path in paths]
    assert [result.verdict for result in results] == [
        Verdict.ACCEPT,
        None,
        Verdict.REJECT,
        None,
        Verdict.REVIEW,
    ]
    assert [bool(result.error) for result in results] == [False, True, False, True, False]
    assert [result.prediction is None for result in results] == [False, True, False, True, False]
    assert {result.model_sha256 for result in results} == {classifier.model_sha256}


def test_many_workers_give_the_same_in_the_same_order(tmp_path: Path, classifier) -> None:
    for number in range(60):
        image_bgr = np.full((2, 4, 3), 4 * number, np.uint8)
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), image_bgr)

    alone, together = (list(classifier.classify_files([tmp_path], workers=n)) for n in (1, 5))

    assert together == alone
    assert [result.path for result in alone] == [str(tmp_path / f"{n:02}.png") for n in range(60)]


def test_the_python_api_counts_files_that_are_not_read(
    tmp_path: Path, classifier, caplog: pytest.LogCaptureFixture
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((2, 4, 3), np.uint8))
    (tmp_path / "b.mp4").touch()

    results = list(classifier.classify_files([tmp_path]))

    assert len(results) == 1
    assert [record.getMessage() for record in caplog.records] == ["1 file not read: 1 .mp4"]


def test_samples_beyond_the_models_depth_are_refused(tmp_path: Path, classifier) -> None:
    spec = dataclasses.replace(classifier.contract.preprocess, bit_depth=12)
    classifier.contract = dataclasses.replace(classifier.contract, preprocess=spec)
    for name, largest in (("within.png", 4095), ("beyond.png", 4096)):
        # Half of it darker: a picture without contrast would be reviewed.
        samples = np.full((2, 4), largest, np.uint16)
        samples[:, 2:] = 3000
        cv2.imwrite(str(tmp_path / name), samples)

    beyond, within = classifier.classify_files([tmp_path], workers=1)

    assert within.verdict is Verdict.ACCEPT
    assert beyond.verdict is None
    assert "beyond the 12 significant bits" in str(beyond.error)


def test_few_inputs_are_in_memory_at_a_time(classifier) -> None:
    drawn = 0

    def inputs() -> Iterator[Input]:
        nonlocal drawn
        for number in range(10_000):
            drawn += 1
            yield InputImage(str(number), np.zeros((2, 4, 3), np.uint8))

    results = classify_inputs(classifier, inputs(), workers=2)
    for handed in range(1, 200):
        next(results)
        assert drawn <= handed + 16
    results.close()


def test_details_contain_the_facts_of_the_file(tmp_path: Path, classifier) -> None:
    path = tmp_path / "part.png"
    cv2.imwrite(str(path), np.zeros((2, 4, 3), np.uint8))
    os.utime(path, (1_700_000_000.25,) * 2)
    inputs: list[Input] = [
        InputImage("file", path),
        InputImage("member", path.read_bytes()),
        InputImage("frame", np.zeros((2, 4, 3), np.uint8)),
        Unreadable("folder", "why"),
    ]

    results = [result for _, result in classify_inputs(classifier, inputs, details=True)]

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    size = path.stat().st_size
    assert [result.details() for result in results] == [
        {"size": size, "modified_at": "2023-11-14T22:13:20.250+00:00", "sha256": digest},
        {"size": size, "modified_at": None, "sha256": digest},
        {"size": None, "modified_at": None, "sha256": None},
        {"size": None, "modified_at": None, "sha256": None},
    ]
    assert [result.error for result in results] == [None, None, None, "why"]
