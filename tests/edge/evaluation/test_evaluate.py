"""Evaluation of a model on labelled folders, with a fake clock."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from partsight.errors import DatasetError
from partsight.evaluation.evaluate import evaluate, labelled_image_files, score_images

LABELS = ("defected", "healthy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two correct images per label, one wrong, one broken."""
    reds = {"defected": [0, 10, 200], "healthy": [250, 255, 255]}
    for label, values in reds.items():
        (tmp_path / label).mkdir()
        for index, red in enumerate(values):
            image_bgr = np.zeros((2, 4, 3), np.uint8)
            image_bgr[:, :, 2] = red
            cv2.imwrite(str(tmp_path / label / f"{index}.png"), image_bgr)
    (tmp_path / "healthy" / "2.png").write_bytes(b"no picture")
    return tmp_path


def test_the_metrics_of_a_folder(folder: Path, classifier) -> None:
    # The clock is read before and after each picture: they take 1, 2, 3, 4 and 5 ms.
    ticks = itertools.accumulate(
        itertools.chain.from_iterable((0.5, (index + 1) / 1000) for index in range(5))
    )
    images = labelled_image_files(folder, LABELS)
    scored = score_images(classifier, images, clock=lambda: next(ticks))

    metrics = evaluate(classifier, scored)

    assert json.loads(json.dumps(metrics))["operating_point"]["accept_labels"] == ["healthy"]
    assert (metrics["accuracy"], metrics["images"]) == (4 / 5, 5)
    assert metrics["labels"] == ["defected", "healthy"]
    assert metrics["confusion"] == [[2, 1], [0, 2]]
    assert metrics["auc"] == 1.0
    assert metrics["latency_ms"] == {"p50": 3.0, "p95": pytest.approx(4.8)}
    assert metrics["operating_point"]["accept_above"] == 0.75
    (failed,) = metrics["failed"]
    assert failed["path"] == str(folder / "healthy" / "2.png")
    assert "not an image" in failed["error"]


def test_images_are_consumed_while_scoring(folder: Path, classifier) -> None:
    """A progress bar around them would otherwise be full before the first is scored."""
    ahead = 6 * (os.cpu_count() or 1)
    image = (folder / "healthy" / "0.png", 1)
    asked, asked_at_first_score = 0, 0

    def images() -> Iterator[tuple[Path, int]]:
        nonlocal asked
        for _ in range(ahead + 20):
            asked += 1
            yield image

    def clock() -> float:
        nonlocal asked_at_first_score
        asked_at_first_score = asked_at_first_score or asked
        return 0.0

    scored = score_images(classifier, images(), clock)

    assert len(scored.paths) == asked == ahead + 20
    assert asked_at_first_score <= ahead + 1
    assert scored.true.tolist() == [1] * asked


def test_labels_stay_with_their_images(folder: Path, classifier) -> None:
    scored = score_images(classifier, labelled_image_files(folder, LABELS))

    assert [LABELS[label] for label in scored.true] == [path.parent.name for path in scored.paths]
    assert scored.scores.shape == (5, 2)
    assert (scored.scores[:, 1] * 256).tolist() == [0, 10, 200, 250, 255]


def test_nothing_readable_is_an_error(folder: Path, classifier) -> None:
    scored = score_images(classifier, [(folder / "healthy" / "2.png", 1)])

    with pytest.raises(DatasetError, match="no picture could be read, 1 file failed"):
        evaluate(classifier, scored)


@pytest.mark.parametrize(
    ("names", "fragment"),
    [
        (["healthy/a.png", "scratch/b.png"], r"sub-folders \['scratch'\] that the model has no"),
        (["healthy/a.txt"], "no pictures in"),
        (["a.png"], "no pictures in"),
    ],
)
def test_folders_that_do_not_fit_are_refused(
    tmp_path: Path, names: list[str], fragment: str
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    with pytest.raises(DatasetError, match=fragment):
        labelled_image_files(tmp_path, LABELS)


def test_a_label_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "healthy").mkdir()
    (tmp_path / "healthy" / "a.png").touch()

    assert labelled_image_files(tmp_path, LABELS) == [(tmp_path / "healthy" / "a.png", 1)]
