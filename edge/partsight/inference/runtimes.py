"""TFLite runtimes: which are installed, and which one runs a model. Imports none of them."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from dataclasses import dataclass

from partsight.errors import EnvironmentFault
from partsight.utils.imports import is_installed

__all__ = [
    "DEFAULT_OPTIONS",
    "LITERT",
    "TFLITE_RUNTIME",
    "Runtime",
    "RuntimeOptions",
    "choose_runtime",
    "clashes",
    "runtimes",
    "speed_advice",
]


@dataclass(frozen=True, slots=True)
class Runtime:
    """A TFLite runtime.

    Attributes:
        name: name in the configuration.
        distribution: name of the package for pip.
        module: Python module that has its ``Interpreter``.
    """

    name: str
    distribution: str
    module: str

    @property
    def installed(self) -> bool:
        """Whether its package is on this machine; it is not imported."""
        return is_installed(self.module.partition(".")[0])

    @property
    def version(self) -> str:
        """Installed version."""
        return importlib.metadata.version(self.distribution)


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How models are run.

    Attributes:
        runtime: name of the TFLite runtime, or None for the preferred one of those installed.
        threads: number of threads that the runtime may use for one image.
    """

    runtime: str | None = None
    threads: int = 1


DEFAULT_OPTIONS = RuntimeOptions()

LITERT = Runtime("litert", "ai-edge-litert", "ai_edge_litert.interpreter")
TFLITE_RUNTIME = Runtime("tflite-runtime", "tflite-runtime", "tflite_runtime.interpreter")
_BY_PREFERENCE = (LITERT, TFLITE_RUNTIME)


def runtimes() -> tuple[Runtime, ...]:
    """The installed runtimes, the preferred one first."""
    return tuple(runtime for runtime in _BY_PREFERENCE if runtime.installed)


def choose_runtime(name: str | None = None) -> Runtime:
    """Return the installed runtime of this name.

    Args:
        name: name of a runtime, or None for the preferred one of those installed.

    Raises:
        EnvironmentFault: the runtime is not installed, no runtime has this name, or no runtime is
            installed.
    """
    known = [runtime.name for runtime in _BY_PREFERENCE]
    if name and name not in known:
        raise EnvironmentFault(
            f"model.runtime or PARTSIGHT_RUNTIME must be one of {known}. Received: {name!r}"
        )
    for runtime in runtimes():
        if name == runtime.name or (not name and not clashes(runtime)):
            return runtime
    raise _no_runtime(name)


def _no_runtime(wanted: str | None) -> EnvironmentFault:
    """The error if the requested runtime is missing, or if there is none at all."""
    others = [runtime.name for runtime in runtimes() if not clashes(runtime)]
    if wanted:
        missing = next(each.distribution for each in _BY_PREFERENCE if each.name == wanted)
        instead = f", or choose {others[0]}, which is installed" if others else ""
        return EnvironmentFault(
            f"the TFLite runtime {wanted} is not installed, and PARTSIGHT_RUNTIME or runtime in "
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
    """Return advice if another runtime would run int8 models faster here, else None."""
    slow = runtime == TFLITE_RUNTIME and machine.lower() in ("x86_64", "amd64")
    if not slow or len(runtimes()) > 1:
        return None
    return (
        "on x86-64 ai-edge-litert runs int8 models twice as fast as tflite-runtime with XNNPACK, "
        "and 20 times as fast as without. Install it: pip install ai-edge-litert"
    )


def clashes(runtime: Runtime) -> bool:
    """Whether the runtime fails in this process: tflite-runtime does once TensorFlow is loaded.

    It was seen to read garbage, to raise, and to be refused.
    """
    return runtime == TFLITE_RUNTIME and "tensorflow" in sys.modules
