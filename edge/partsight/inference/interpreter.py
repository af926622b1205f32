"""The only file that imports a TFLite runtime.

Both known runtimes have the same ``Interpreter`` class; ``runtimes`` chooses between them.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import EnvironmentFault, ModelError
from partsight.inference.runtimes import (
    DEFAULT_OPTIONS,
    TFLITE_RUNTIME,
    Runtime,
    RuntimeOptions,
    choose_runtime,
    clashes,
)
from partsight.inference.xnnpack import XnnpackDelegate
from partsight.utils.imports import import_fault
from partsight.utils.memory_limit import memory_limit, memory_limit_note
from partsight.utils.native_output import suppressed_stderr

__all__ = ["Interpreter", "TensorInfo", "load_runtime"]

logger = logging.getLogger(__name__)

# This version exports the XNNPACK delegate but does not use it by default.
_WITH_HIDDEN_XNNPACK = (TFLITE_RUNTIME, "2.14.0")


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Shape and quantization of a model's input or output: real = scale * (raw - zero_point)."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


class Interpreter:
    """A loaded model. Not for two threads at once; load one for each thread.

    Args:
        model: bytes of a checked model file.
        options: runtime and number of threads.
        batch: number of images for each ``invoke``; not every model allows more than one.

    Attributes:
        runtime: the runtime that runs the model.
        input: the input tensor.
        output: the tensor of scores.
        heatmap: the second output tensor (1, h, w, 1), or None if the model has no heat map.

    Raises:
        EnvironmentFault: the runtime cannot be imported.
        ModelError: the runtime refuses the model.
    """

    def __init__(
        self, model: bytes, options: RuntimeOptions = DEFAULT_OPTIONS, *, batch: int = 1
    ) -> None:
        self.runtime = choose_runtime(options.runtime)
        self._model = model
        try:
            self._native = _open(self.runtime, model, options.threads, batch)
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{self.runtime.distribution} {self.runtime.version} refuses the model: "
                f"{str(error).rstrip('.')}. {_limit_first()}Install a newer runtime, or export the "
                "model again."
            ) from error
        inputs, outputs = self._native.get_input_details(), self._native.get_output_details()
        scores, maps = _scores_and_maps(outputs)
        if len(inputs) != 1 or len(scores) != 1 or len(maps) > 1:
            raise ModelError(
                "expected a model with one input and one output, as an image classifier has, "
                "and optionally a heat map (1, h, w, 1). "
                f"Received: {len(inputs)} inputs and {len(outputs)} outputs."
            )
        self._input_index, self._output_index = inputs[0]["index"], scores[0]["index"]
        self.input, self.output = _info(inputs[0]), _info(scores[0])
        self._heatmap_index = maps[0]["index"] if maps else None
        self.heatmap = _info(maps[0]) if maps else None

    def clone(self) -> Interpreter:
        """Load the same model again, on one thread and without a batch."""
        return Interpreter(self._model, RuntimeOptions(self.runtime.name))

    def invoke(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Run the model once.

        Args:
            tensor: array with the shape and dtype of ``input``.

        Returns:
            A copy of the raw scores, with the shape and dtype of ``output``.

        Raises:
            ModelError: the runtime fails.
        """
        try:
            self._native.set_tensor(self._input_index, tensor)
            self._native.invoke()
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{self.runtime.distribution} {self.runtime.version} fails on an image: "
                f"{str(error).rstrip('.')}. {_limit_first()}Try the model with "
                "'partsight model check', and export it again."
            ) from error
        output: NDArray[Any] = self._native.get_tensor(self._output_index)
        return output

    def read_heatmap(self) -> NDArray[Any] | None:
        """Return a copy of the raw heat map of the last ``invoke``, or None without one."""
        if self._heatmap_index is None:
            return None
        heatmap: NDArray[Any] = self._native.get_tensor(self._heatmap_index)
        return heatmap


def _limit_first() -> str:
    """Return advice on the memory limit: runtimes report a failed allocation as a model error."""
    limit = memory_limit()
    # The other limit, on data, is set by the trial itself and is generous.
    return f"{memory_limit_note()} Then: " if limit and limit[0] == "ulimit -v" else ""


def load_runtime(runtime: Runtime) -> Any:
    """Import a runtime and return its ``Interpreter`` class.

    Raises:
        EnvironmentFault: the runtime cannot be loaded on this machine.
    """
    if runtime == TFLITE_RUNTIME and int(np.__version__.partition(".")[0]) >= 2:
        # Its binaries were built against NumPy 1 and crash the process under NumPy 2.
        raise EnvironmentFault(
            f"tflite-runtime needs numpy below 2. Received: numpy {np.__version__}. "
            "Run pip install 'numpy<2', or pip install ai-edge-litert"
        )
    if clashes(runtime):
        raise EnvironmentFault(
            "tflite-runtime cannot run in a process that has loaded TensorFlow: their libraries "
            "share symbols. Unset PARTSIGHT_RUNTIME, or pip install ai-edge-litert"
        )
    try:
        return importlib.import_module(runtime.module).Interpreter
    except (ImportError, OSError) as error:
        name = runtime.distribution
        raise import_fault("running a model", name, name, error) from error


def _open(runtime: Runtime, model: bytes, threads: int, batch: int) -> Any:
    """Return the runtime's own interpreter, with the fastest int8 kernels that it has."""
    factory = load_runtime(runtime)
    if (runtime, runtime.version) == _WITH_HIDDEN_XNNPACK:
        try:
            with suppressed_stderr():
                return _allocated(factory, model, threads, batch, [_hidden_xnnpack(threads)])
        except (ValueError, RuntimeError, OSError, AttributeError, StopIteration) as error:
            logger.warning("XNNPACK cannot be used, so this model runs slowly: %s", error)
    with suppressed_stderr():
        return _allocated(factory, model, threads, batch, [])


def _allocated(
    factory: Any, model: bytes, threads: int, batch: int, delegates: list[XnnpackDelegate]
) -> Any:
    native = factory(model_content=model, num_threads=threads, experimental_delegates=delegates)
    if batch > 1:
        (details,) = native.get_input_details()
        native.resize_tensor_input(details["index"], [batch, *details["shape"][1:]], strict=False)
    native.allocate_tensors()
    return native


def _hidden_xnnpack(threads: int) -> XnnpackDelegate:
    """Return the int8 kernels that tflite-runtime has but does not use by default."""
    package = importlib.util.find_spec("tflite_runtime")
    (folder,) = (package and package.submodule_search_locations) or ("",)
    return XnnpackDelegate(next(Path(folder).glob("*interpreter_wrapper*.so")), threads)


def _scores_and_maps(outputs: list[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Sort outputs by shape: converters guarantee neither their order nor their names."""
    if len(outputs) == 1:
        return outputs, []
    is_map = [len(each["shape"]) == 4 and each["shape"][3] == 1 for each in outputs]
    scores = [each for each, yes in zip(outputs, is_map, strict=True) if not yes]
    return scores, [each for each, yes in zip(outputs, is_map, strict=True) if yes]


def _info(details: Mapping[str, Any]) -> TensorInfo:
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return TensorInfo(shape, np.dtype(details["dtype"]), float(scale), int(zero_point))
