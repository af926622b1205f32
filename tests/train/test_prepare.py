"""What there is to learn from, once a folder was prepared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from partsight.progress import silent
from partsight_train.dataset import Split
from partsight_train.prepare import prepare
from partsight_train.settings import AugmentSettings, TrainSettings


@pytest.mark.parametrize(
    ("augment", "quantization_aware", "copies"),
    [
        (AugmentSettings(), False, 0),
        (AugmentSettings(), True, 1),
        (AugmentSettings(copies=2, brightness=0.2), True, 3),
    ],
)
def test_copies_to_learn_from(
    parts: Path,
    tiny_backbone: Path,
    augment: AugmentSettings,
    quantization_aware: bool,
    copies: int,
) -> None:
    settings = TrainSettings(
        str(tiny_backbone), augment=augment, quantization_aware=quantization_aware
    )
    prepared = prepare(parts, settings, lambda stage: silent)
    material, train = prepared.material, prepared.rows(Split.TRAIN)
    learned_from = material.training(train)

    assert len(material.copies) == copies
    assert len(learned_from.labels) == (1 + copies) * len(train)
    exact = material.examples.features
    for copy in material.copies:
        assert copy.shape == exact.shape
        assert not np.array_equal(copy, exact)
    if quantization_aware:
        # The last is the same pictures in other arithmetic.
        assert np.abs(material.copies[-1] - exact).max() < 0.05 * np.ptp(exact)
