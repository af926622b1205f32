"""Whether each TFLite runtime on this machine runs a file, and gives the golden scores.

In a process of its own: tflite-runtime cannot share one with TensorFlow, and a parser that
goes down takes no export with it.
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
    """What goes wrong under any installed runtime, a sentence each.

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
    # What is not delivered yet is not signed yet: no key is asked for.
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
        return f"it did not end within {_TIMEOUT_S:.0f} s"
    if done.returncode == 0:
        return None
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return said[-1] if said else f"the process ended with {done.returncode}"
