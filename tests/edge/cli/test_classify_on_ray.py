"""The workers of a cluster get what the command was given, and what the configuration adds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from partsight.cli.commands.classify_on_ray import _task
from partsight.config.document import Config
from partsight.config.model import ModelConfig
from partsight.deploy.device import Device
from partsight.inference.runtimes import RuntimeOptions
from partsight.model.third_party import ModelOverrides
from partsight.qualification.trust import TrustPolicy


@pytest.mark.parametrize(
    ("configured", "given", "expected"),
    [
        (None, None, None),
        (12, None, ModelOverrides(bit_depth=12)),
        (12, ModelOverrides(logits=True), ModelOverrides(logits=True, bit_depth=12)),
        (12, ModelOverrides(bit_depth=10), ModelOverrides(bit_depth=10)),
    ],
)
def test_workers_use_the_configured_bit_depth(
    configured: int | None, given: ModelOverrides | None, expected: ModelOverrides | None
) -> None:
    config = Config(model=ModelConfig(bit_depth=configured))
    device = Device(Path("p.toml"), config, RuntimeOptions(), TrustPolicy(None))
    options: Any = SimpleNamespace(
        overrides=given, device=device, details=False, only=("accept",), top_k=None
    )
    runtime = SimpleNamespace(name="litert")
    interpreter = SimpleNamespace(runtime=runtime)
    settings: Any = SimpleNamespace(point=None, classifier=SimpleNamespace(interpreter=interpreter))
    output: Any = SimpleNamespace()

    assert _task(options, output, settings, []).overrides == expected
