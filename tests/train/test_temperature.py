"""Temperature scaling softens overconfident scores and keeps labels."""

from __future__ import annotations

import numpy as np
import pytest

from partsight_train.heads.head import Examples, Head, predict
from partsight_train.heads.temperature import calibrate


def examples(mistakes: int) -> Examples:
    """One feature; its sign is the label, with some exceptions."""
    feature = np.repeat([-1.0, 1.0], 50).astype(np.float32)
    labels = (feature > 0).astype(np.intp)
    labels[:mistakes] ^= 1
    return Examples(feature[:, np.newaxis], labels)


def head(steepness: float) -> Head:
    return Head(np.array([[-steepness, steepness]], np.float32), np.zeros(2, np.float32))


def test_an_overconfident_head_gets_its_accuracy_as_confidence() -> None:
    validation = examples(mistakes=10)
    calibrated, temperature = calibrate(head(10.0), validation)
    assert temperature > 5
    scores = predict(calibrated, validation.features)
    assert scores.max(axis=1) == pytest.approx(0.9, abs=0.01)
    np.testing.assert_array_equal(
        scores.argmax(axis=1), predict(head(10.0), validation.features).argmax(axis=1)
    )


@pytest.mark.parametrize(("steepness", "mistakes"), [(1.0, 0), (0.5, 10)])
def test_calibration_never_sharpens(steepness: float, mistakes: int) -> None:
    calibrated, temperature = calibrate(head(steepness), examples(mistakes))
    assert temperature == 1
    np.testing.assert_array_equal(calibrated.kernel, head(steepness).kernel)
