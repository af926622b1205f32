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
    missing = next((r.distribution for r in _BY_PREFERENCE if r.name == name), LITERT.distribution)
    raise EnvironmentFault(
        f"no TFLite runtime to run the model with: {name or 'neither of ' + str(known)} is "
        f"installed. Install one: pip install {missing}"
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
