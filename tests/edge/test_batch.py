"""A result a file, in order, whatever the files are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from partsight.batch import classify_files
from partsight.records import Verdict


def test_each_file_has_its_result(tmp_path: Path, classifier) -> None:
    for name, red in (("good", 250), ("bad", 10), ("unclear", 150)):
        image_bgr = np.zeros((2, 4, 3), np.uint8)
        image_bgr[:, :, 2] = red
        cv2.imwrite(str(tmp_path / f"{name}.png"), image_bgr)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    paths = [tmp_path / f"{n}.png" for n in ("good", "broken", "bad", "missing", "unclear")]

    results = list(classify_files(classifier, paths))

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
