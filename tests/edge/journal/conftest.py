"""Rows for the journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from partsight.records import PartResult, Prediction, Thresholds, TriggerEvent, Verdict

WHEN = datetime(2024, 5, 6, 7, 8, 9, 123000, timezone.utc)


@pytest.fixture
def make_row() -> Callable[..., dict[str, Any]]:
    """The row of part number so-and-so, a minute after the one before; fields may be given."""

    def make(number: int, **columns: Any) -> dict[str, Any]:
        row = PartResult(
            id=f"018f4c5e-0000-7000-8000-{number:012}",
            captured_at=WHEN + timedelta(minutes=number),
            source="script",
            index=number,
            model_sha256="f" * 64,
            verdict=Verdict.ACCEPT,
            latency_ms=12.3456,
            reason="accept",
            prediction=Prediction({"defected": 0.25, "healthy": 0.75}, (1, 2)),
            trigger_event=TriggerEvent("mqtt", 1.5, f"SN-{number}"),
            thresholds=Thresholds(0.7, 0.5),
            model_version="3",
            frame_age_ms=4.0,
            stages_ms={"preprocess": 0.5, "invoke": 4.25},
            image_path=None,
        ).row()
        return {**row, **columns}

    return make
