"""The warning about a missing drift reference: expected, received and next step."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.evaluate import ScoredImages
from partsight.image.spec import PreprocessSpec
from partsight.model.contract import Contract
from partsight.model.reference import Reference, Spread
from partsight_train.export.drift_reference import reference_document, warn_of_no_reference
from partsight_train.settings import TrainSettings

REFERENCE = Reference(20, 0.0, Spread(0.9, 0.1), Spread(100.0, 1.0), Spread(30.0, 1.0))


def split(good: int, rejected: int, bad: int) -> ScoredImages:
    """Images of accepted good parts, rejected good parts and bad parts."""
    true = np.array([1] * (good + rejected) + [0] * bad, np.intp)
    healthy = np.array([0.9] * good + [0.1] * rejected + [0.1] * bad)
    scores = np.stack([1 - healthy, healthy], axis=1)
    paths = tuple(Path(f"{index}.png") for index in range(len(true)))
    return ScoredImages(paths, true, scores, np.zeros(len(true)), ())


def contract(reference: Reference | None, accepted: tuple[str, ...] = ("good",)) -> Contract:
    point = OperatingPoint(accepted)
    return Contract(("bad", "good"), PreprocessSpec(8, 8), point, reference=reference)


@pytest.mark.parametrize(
    ("counts", "settings", "accepted", "expected"),
    [
        ((9, 0, 5), TrainSettings(), ("good",), "received 9. Train on about 50 good images"),
        ((3, 30, 0), TrainSettings(), ("good",), "received 3."),
        ((0, 0, 20), TrainSettings(), ("good",), "received 0."),
        ((1, 0, 1), TrainSettings(validation_share=0.2, test_share=0.2), ("good",), "about 25 "),
        ((20, 0, 5), TrainSettings(), (), "no label of good parts is known"),
    ],
    ids=["too few", "too many rejected", "none", "by the shares", "no good label"],
)
def test_a_missing_reference_is_explained(
    counts: tuple[int, int, int],
    settings: TrainSettings,
    accepted: tuple[str, ...],
    expected: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    splits = (split(*counts),)
    document = reference_document(splits, contract(None, accepted), settings)
    assert document["reference"] is False
    assert expected in document["problem"]
    with caplog.at_level(logging.WARNING):
        warn_of_no_reference(splits, contract(None, accepted), settings)
    assert [each.getMessage() for each in caplog.records] == [document["problem"]]


def test_a_file_with_a_reference_has_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    splits = (split(12, 1, 3), split(8, 0, 2))
    document = reference_document(splits, contract(REFERENCE), TrainSettings())
    assert document == {"reference": True, "good_pictures": 20, "expected": 10, "problem": None}
    warn_of_no_reference(splits, contract(REFERENCE), TrainSettings())
    assert caplog.text == ""
