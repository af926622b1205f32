"""The reference statistics of good parts in a contract."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.decision.operating_point import OperatingPoint
from partsight.errors import ContractError
from partsight.image.spec import PreprocessSpec
from partsight.image.statistics import image_statistics
from partsight.model.contract import Contract
from partsight.model.file import attach_contract, load_model_file
from partsight.model.reference import Reference, Spread, reference_from_document, spread_of

REFERENCE = Reference(120, 0.02, Spread(0.97, 0.03), Spread(110.0, 6.0), Spread(41.0, 2.5))

spreads = st.builds(Spread, st.floats(0, 1), st.floats(0, 1e6))


@given(st.builds(Reference, st.integers(2, 10**6), st.floats(0, 1), spreads, spreads, spreads))
def test_the_reference_is_part_of_the_contract(reference: Reference) -> None:
    document = json.loads(json.dumps(dataclasses.asdict(reference)))
    assert reference_from_document(document) == reference


def changed(*keys: str, value: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(REFERENCE)))
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (changed("pictures", value=120), None),
        (changed("luma", "mean", value=110), None),
        (changed("pictures", value=1), "needs two pictures"),
        (changed("pictures", value=120.0), "needs two pictures"),
        (changed("pictures", value=True), "needs two pictures"),
        (changed("reject_rate", value=1.5), "reject_rate must be in"),
        (changed("reject_rate", value="0.1"), "must be numbers"),
        (changed("reject_rate", value=True), "must be numbers"),
        (changed("reject_rate", value=math.nan), "reject_rate must be in"),
        (changed("accept_score", "mean", value=1.1), "accept_score must be in"),
        (changed("accept_score", "std", value=-0.1), "std 0 or more"),
        (changed("luma", "std", value=math.inf), "must be finite"),
        (changed("luma", "mean", value=10**400), "cannot be used"),
        (changed("luma", "mean", value=None), "must be numbers"),
        (changed("luma", value=3), "must consist of objects"),
        (changed("luma", value={"mean": 1}), "std"),
        (changed("luma", "median", value=1), "median"),
        (changed("beyond", value=1), "beyond"),
        ({}, "pictures"),
        ([], "must consist of objects"),
        (7, "must consist of objects"),
    ],
)
def test_invalid_references_are_refused(document: Any, message: str | None) -> None:
    flatbuffer = b"\x1c\0\0\0TFL3" + bytes(64)
    draft = Contract(("bad", "good"), PreprocessSpec(8, 8), OperatingPoint(("good",)))
    # The file contains any value, as if another program wrote it.
    data = attach_contract(flatbuffer, _Said(draft, document))
    if message is None:
        assert load_model_file(data).contract.reference == REFERENCE
        return
    with pytest.raises(ContractError, match=message):
        load_model_file(data)


def _Said(draft: Contract, document: object) -> Contract:  # noqa: N802
    said = dataclasses.replace(draft)
    object.__setattr__(said, "reference", document)
    return said


def test_a_file_of_an_older_version_has_no_reference(model_path: object) -> None:
    assert load_model_file(str(model_path)).contract.reference is None


@pytest.mark.parametrize(
    ("colour", "luma"),
    [((0, 0, 0), 0), ((255, 255, 255), 255), ((255, 0, 0), 76), ((0, 255, 0), 150)],
)
def test_luma_follows_the_standard(colour: tuple[int, int, int], luma: float) -> None:
    statistics = image_statistics(np.full((4, 6, 3), colour, np.uint8))
    assert (statistics.luma, statistics.contrast) == (luma, 0)


def test_contrast_is_the_deviation_of_luma() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, 3:] = 100
    statistics = image_statistics(image)
    assert (statistics.luma, statistics.contrast) == (50, 50)


def test_a_spread_is_the_sample_deviation() -> None:
    assert spread_of([1.0, 2.0, 3.0]) == Spread(2.0, 1.0)
