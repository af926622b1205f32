"""Which TFLite runtimes there are, and which of them is to run a model. Imports none."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from partsight.errors import EnvironmentFault
from partsight.utils.imports import is_installed

__all__ = [
    "LITERT",
    "RUNTIME_VARIABLE",
    "TFLITE_RUNTIME",
    "THREADS_VARIABLE",
    "Runtime",
    "choose_runtime",
    "clashes",
    "runtimes",
    "speed_advice",
]

RUNTIME_VARIABLE = "PARTSIGHT_RUNTIME"
THREADS_VARIABLE = "PARTSIGHT_THREADS"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A TFLite runtime.

    Attributes:
        name: as ``PARTSIGHT_RUNTIME`` spells it.
        distribution: as pip spells it.
        module: where its ``Interpreter`` lives.
    """

    name: str
    distribution: str
    module: str

    @property
    def installed(self) -> bool:
        """Whether it can be found on this machine; it is not imported."""
        return is_installed(self.module.partition(".")[0])

    @property
    def version(self) -> str:
        """The version that is installed."""
        return importlib.metadata.version(self.distribution)


LITERT = Runtime("litert", "ai-edge-litert", "ai_edge_litert.interpreter")
TFLITE_RUNTIME = Runtime("tflite-runtime", "tflite-runtime", "tflite_runtime.interpreter")
_BY_PREFERENCE = (LITERT, TFLITE_RUNTIME)


def runtimes() -> tuple[Runtime, ...]:
    """The runtimes that are installed, the preferred one first."""
    return tuple(runtime for runtime in _BY_PREFERENCE if runtime.installed)


def choose_runtime(environ: Mapping[str, str] = os.environ) -> Runtime:
    """The runtime to use: the one that ``PARTSIGHT_RUNTIME`` names, else the preferred one.

    Raises:
        EnvironmentFault: none is installed, or not the one that was asked for.
    """
    wanted = environ.get(RUNTIME_VARIABLE, "")
    known = [runtime.name for runtime in _BY_PREFERENCE]
    if wanted and wanted not in known:
        raise EnvironmentFault(f"{RUNTIME_VARIABLE} must be one of {known}. Received: {wanted!r}")
    for runtime in runtimes():
        if wanted == runtime.name or (not wanted and not clashes(runtime)):
            return runtime
    raise _no_runtime(wanted)


def _no_runtime(wanted: str) -> EnvironmentFault:
    """The error if the runtime that was asked for is missing, or if there is none at all."""
    others = [runtime.name for runtime in runtimes() if not clashes(runtime)]
    if wanted:
        missing = next(each.distribution for each in _BY_PREFERENCE if each.name == wanted)
        instead = f", or choose {others[0]}, which is installed" if others else ""
        return EnvironmentFault(
            f"the TFLite runtime {wanted} is not installed, and {RUNTIME_VARIABLE} or runtime in "
            f"[model] of the configuration asks for it. Run pip install {missing}{instead}"
        )
    if runtimes():
        return EnvironmentFault(
            "no TFLite runtime to run the model with: tflite-runtime is installed, and it cannot "
            f"run in a process that has loaded TensorFlow. Run pip install {LITERT.distribution}"
        )
    return EnvironmentFault(
        "no TFLite runtime to run the model with: neither litert nor tflite-runtime is installed. "
        f"Run pip install {LITERT.distribution}"
    )


def speed_advice(runtime: Runtime, machine: str = platform.machine()) -> str | None:
    """What to tell a user whose int8 models run slower than they need to, or None."""
    slow = runtime == TFLITE_RUNTIME and machine.lower() in ("x86_64", "amd64")
    if not slow or len(runtimes()) > 1:
        return None
    return (
        "on x86-64 ai-edge-litert runs int8 models twice as fast as tflite-runtime with XNNPACK, "
        "and 20 times as fast as without. Install it: pip install ai-edge-litert"
    )


def clashes(runtime: Runtime) -> bool:
    """tflite-runtime beside TensorFlow: seen to read garbage, to throw, and to be refused."""
    return runtime == TFLITE_RUNTIME and "tensorflow" in sys.modules
