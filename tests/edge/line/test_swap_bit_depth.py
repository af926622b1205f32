"""A model that needs image files decoded otherwise is not swapped in while the line runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from partsight.config.document import Config
from partsight.config.source import FolderConfig, SourceConfig
from partsight.inference.classifier import Classifier
from partsight.line.housekeeping import Housekeeping
from partsight.telemetry.telemetry import Telemetry

MODEL = Path(__file__).parents[3] / "models" / "sample-parts-int8.tflite"


def model(bit_depth: int | None) -> Any:
    classifier = Classifier.open(MODEL)
    spec = dataclasses.replace(classifier.contract.preprocess, bit_depth=bit_depth)
    contract = dataclasses.replace(classifier.contract, preprocess=spec)
    return SimpleNamespace(contract=contract, model_sha256="0")


@pytest.mark.parametrize(
    ("before", "after", "source", "swapped"),
    [
        (None, None, "folder", True),
        (12, 12, "folder", True),
        (None, 12, "folder", False),
        (14, 12, "folder", False),
        (12, None, "folder", False),
        (None, 12, "0", True),
        (14, 12, "rtsp://camera/s", True),
    ],
)
def test_the_bit_depth_must_stay_where_files_are_decoded(
    tmp_path: Path, before: int | None, after: int | None, source: str, swapped: bool
) -> None:
    address = str(tmp_path) if source == "folder" else source
    config = Config(source=SourceConfig(address=address, folder=FolderConfig(watch=True)))
    used: list[Any] = []
    inspector = SimpleNamespace(
        classifier=model(before),
        use=lambda classifier: used.append(classifier),
        point=model(None).contract.operating_point,
        policy=config.decision,
    )
    telemetry = Telemetry()
    offers = [model(after)]
    housekeeping: Any = Housekeeping(
        SimpleNamespace(config=config),  # type: ignore[arg-type]
        inspector,  # type: ignore[arg-type]
        SimpleNamespace(heartbeat=lambda: None),  # type: ignore[arg-type]
        SimpleNamespace(take_reload=lambda: False, stop=False),  # type: ignore[arg-type]
        SimpleNamespace(poll=offers.pop, swapped=lambda classifier: None),  # type: ignore[arg-type]
        SimpleNamespace(swapped=()),  # type: ignore[arg-type]
        lambda kind, detail: None,
        telemetry,
    )

    housekeeping()

    assert bool(used) is swapped
    state = telemetry.states().get("model")
    assert swapped or (state is not None and "another bit depth" in state.detail)
