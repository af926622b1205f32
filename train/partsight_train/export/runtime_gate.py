"""Check of a file with each TFLite runtime on this machine: it runs and gives the golden scores.

Each runtime is started in its own process: tflite-runtime cannot share one with TensorFlow, and
a crash of a runtime does not end the export.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from partsight.config.location import CONFIG_VARIABLE
from partsight.inference.runtimes import RUNTIME_VARIABLE, Runtime, runtimes
from partsight.model.signature import PUBLIC_KEY_VARIABLE
from partsight.utils.known_secrets import without_secrets

__all__ = ["runtime_failures"]

_TIMEOUT_S = 120.0


def runtime_failures(data: bytes) -> list[str]:
    """Return one sentence per installed runtime that fails on a model file.

    Args:
        data: a model file with golden samples.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(data)
        failures = {runtime.name: _failure(path, runtime) for runtime in runtimes()}
    return [f"under {name}: {failure}" for name, failure in failures.items() if failure]


def _failure(path: Path, runtime: Runtime) -> str | None:
    command = [sys.executable, "-m", "partsight", "check", str(path)]
    # The file is signed after the export, so no signature is required here.
    config = path.with_name("partsight.toml")
    config.touch()
    environment = without_secrets(os.environ)
    environment.pop(PUBLIC_KEY_VARIABLE, None)
    environment |= {RUNTIME_VARIABLE: runtime.name, CONFIG_VARIABLE: str(config)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f"no result within {_TIMEOUT_S:.0f} s"
    if done.returncode == 0:
        return None
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return lines[-1] if lines else f"the process ended with exit code {done.returncode}"
