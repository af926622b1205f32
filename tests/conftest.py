"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The ready model: labels defected and healthy, 224 x 224, int8."""
    return Path(__file__).parents[1] / "models" / "sample-parts-int8.tflite"
