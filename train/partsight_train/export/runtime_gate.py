"""Check that each TFLite runtime on this machine runs a file and reproduces its golden scores.

In a separate process: tflite-runtime cannot be loaded together with TensorFlow, and a parser that
crashes must not end the export.
"""

from __future__ import annotations

from partsight.errors import PartsightError
from partsight.inference.runtimes import RuntimeOptions, runtimes
from partsight.qualification.isolated import examine_isolated
from partsight.qualification.rules import Rules
from partsight.qualification.trust import TrustPolicy

__all__ = ["runtime_failures"]

_TIMEOUT_S = 120.0


def runtime_failures(data: bytes) -> list[str]:
    """Return one sentence for each installed runtime that fails.

    Args:
        data: model file with golden samples. It is not signed yet, so no key is required.
    """
    failures = {
        runtime.name: _failure(data, RuntimeOptions(runtime.name)) for runtime in runtimes()
    }
    return [f"with {name}: {failure}" for name, failure in failures.items() if failure]


def _failure(data: bytes, options: RuntimeOptions) -> str | None:
    try:
        examine_isolated(
            data, Rules(), trust=TrustPolicy(None), options=options, timeout_s=_TIMEOUT_S
        )
    except PartsightError as error:
        return str(error)
    return None
