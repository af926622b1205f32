"""The warning about coarse scores, on hand-counted cases."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.evaluate import ScoredImages
from partsight.image.spec import PreprocessSpec
from partsight.model.contract import Contract
from partsight_train.conversion.names import VariantName
from partsight_train.data.dataset import Split
from partsight_train.export.score_steps import few_steps, warn_of_few_steps
from partsight_train.export.variant import ReferenceModel, Variant
from partsight_train.settings import TrainSettings

# Two bad parts and four good ones.
GOOD = np.array([False, False, True, True, True, True])
LAST = 255 / 256
EXACT = [0.1, 0.9960, 0.9970, 0.9980, 0.9990, 0.9995]


@pytest.mark.parametrize(
    ("by_float", "by_file", "tied", "rejects"),
    [
        # The bad part and all good ones share the last step.
        (EXACT, [0.1, LAST, LAST, LAST, LAST, LAST], 4, (1.0, 0.0)),
        (EXACT, [0.1, 0.98, 0.98, 0.98, 0.99, LAST], 2, (0.5, 0.0)),
        # Steps, but no good part on the one that matters.
        (EXACT, [0.1, 0.98, 0.99, 0.99, LAST, LAST], None, None),
        # More false rejects because int8 swapped two scores, which finer steps would not fix.
        (EXACT, [0.1, 0.99, 0.97, 0.98, LAST, LAST], None, None),
        # The float model rejects the same parts.
        ([0.1, 0.9990, 0.9970, 0.9980, 0.9985, 0.9995], [0.1] + [LAST] * 4 + [1.0], None, None),
        # Tied far below 0.5, where no part is accepted anyway.
        ([0.1, 0.2, 0.6, 0.7, 0.8, 0.9], [0.1, 0.3, 0.3, 0.7, 0.8, 0.9], None, None),
    ],
)
def test_ties_with_a_bad_part_are_counted(
    by_float: list[float],
    by_file: list[float],
    tied: int | None,
    rejects: tuple[float, float] | None,
) -> None:
    found = few_steps(np.array(by_float), np.array(by_file), GOOD, 1.0)
    if tied is None:
        assert found is None
    else:
        assert found is not None
        assert (found.tied, found.score) == (tied, by_file[1])
        assert (found.false_rejects, found.float_false_rejects) == rejects


@pytest.mark.parametrize("good", [[True, True], [False, False]])
def test_parts_of_one_kind_have_no_ties(good: list[bool]) -> None:
    assert few_steps(np.array([0.8, 0.9]), np.array([0.9, 0.9]), np.array(good), 0.99) is None


def test_a_recall_reached_without_the_tied_part_has_no_ties() -> None:
    found = few_steps(np.array(EXACT), np.array([0.1] + [LAST] * 5), GOOD, 0.5)
    assert found is None


@pytest.mark.parametrize(
    ("variant", "by_cost", "warned"),
    [("int8", False, True), ("int8-float", False, False), ("int8", True, False)],
)
def test_the_warning_suggests_int8_float(
    variant: VariantName, by_cost: bool, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    point = OperatingPoint(("good",), target_recall=None if by_cost else 1.0)
    contract = Contract(("bad", "good"), PreprocessSpec(8, 8), point)
    exact = np.stack([1 - np.array(EXACT), EXACT], axis=1)
    coarse = np.array([0.1] + [LAST] * 5)
    scored = ScoredImages(
        tuple(Path(f"{index}.png") for index in range(6)),
        GOOD.astype(np.intp),
        np.stack([1 - coarse, coarse], axis=1),
        np.zeros(6),
        (),
    )
    reference_model = ReferenceModel(
        lambda image: image, contract, TrainSettings(), {}, {Split.VALIDATION: exact}
    )
    file = Variant(b"", {}, contract, scored, scored, {})
    with caplog.at_level(logging.WARNING):
        warn_of_few_steps(variant, reference_model, file)
    assert ("--quantize int8-float" in caplog.text) == warned
    if warned:
        assert "does not accept 100.0% of the good parts, the float model 0.0%." in caplog.text
        assert "that of a bad part and of 4 good parts" in caplog.text
