"""The only file that imports a TFLite runtime.

Enters: the bytes of a checked model. Leaves: raw output tensors. Both known runtimes have
the same ``Interpreter`` class; ``runtimes`` chooses between them.
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
    RUNTIME_VARIABLE,
    TFLITE_RUNTIME,
    Runtime,
    choose_runtime,
    clashes,
)
from partsight.inference.xnnpack import XnnpackDelegate
from partsight.utils.imports import import_fault
from partsight.utils.memory_limit import memory_limit, memory_limit_note
from partsight.utils.native_output import held_stderr

__all__ = ["Interpreter", "TensorInfo", "load_runtime"]

logger = logging.getLogger(__name__)

# The version whose shared object was seen to export the delegate that it leaves off.
_WITH_HIDDEN_XNNPACK = (TFLITE_RUNTIME, "2.14.0")


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Shape and quantization of a model's input or output: real = scale * (raw - zero_point)."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


class Interpreter:
    """A loaded model. Not for two threads at once; load one for each.

    It takes one picture at a time, or ``batch`` of them where the model allows that.

    Attributes:
        runtime: what runs it.
        input: the tensor that it takes.
        output: the tensor that it gives.
        heatmap: the tensor (1, h, w, 1) that it gives beside; None where it gives none.

    Raises:
        EnvironmentFault: the runtime cannot be imported.
        ModelError: the runtime refuses the model.
    """

    def __init__(
        self, model: bytes, *, threads: int = 1, batch: int = 1, runtime: Runtime | None = None
    ) -> None:
        self.runtime = runtime or choose_runtime()
        self._model = model
        try:
            self._native = _open(self.runtime, model, threads, batch)
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{self.runtime.distribution} {self.runtime.version} refuses the model: "
                f"{str(error).rstrip('.')}. {_limit_first()}Install a newer runtime, or export the "
                "model again."
            ) from error
        inputs, outputs = self._native.get_input_details(), self._native.get_output_details()
        scores, maps = _told_apart(outputs)
        if len(inputs) != 1 or len(scores) != 1 or len(maps) > 1:
            raise ModelError(
                "expected a model with one input and one output, as an image classifier has, or a "
                "map (1, h, w, 1) beside. "
                f"Received: {len(inputs)} inputs and {len(outputs)} outputs."
            )
        self._input_index, self._output_index = inputs[0]["index"], scores[0]["index"]
        self.input, self.output = _info(inputs[0]), _info(scores[0])
        self._heatmap_index = maps[0]["index"] if maps else None
        self.heatmap = _info(maps[0]) if maps else None

    def clone(self) -> Interpreter:
        """The same model once more, for one picture at a time on one thread."""
        return Interpreter(self._model, runtime=self.runtime)

    def invoke(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Run the model once.

        Args:
            tensor: of the shape and dtype of ``input``.

        Returns:
            A copy of the raw output, of the shape and dtype of ``output``.

        Raises:
            ModelError: the runtime fails on it.
        """
        try:
            self._native.set_tensor(self._input_index, tensor)
            self._native.invoke()
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{self.runtime.distribution} {self.runtime.version} fails on a picture: "
                f"{str(error).rstrip('.')}. {_limit_first()}Try the model with 'partsight check', "
                "and export it again."
            ) from error
        output: NDArray[Any] = self._native.get_tensor(self._output_index)
        return output

    def read_heatmap(self) -> NDArray[Any] | None:
        """A copy of the raw map of the last ``invoke``, of the shape and dtype of ``heatmap``."""
        if self._heatmap_index is None:
            return None
        heatmap: NDArray[Any] = self._native.get_tensor(self._heatmap_index)
        return heatmap


def _limit_first() -> str:
    """Runtimes report a failed allocation as a defect of the model."""
    limit = memory_limit()
    # The limit on data is the trial's own, and generous.
    return f"{memory_limit_note()} Then: " if limit and limit[0] == "ulimit -v" else ""


def load_runtime(runtime: Runtime) -> Any:
    """Import a runtime and give its ``Interpreter`` class.

    Raises:
        EnvironmentFault: it cannot be loaded here.
    """
    if runtime == TFLITE_RUNTIME and int(np.__version__.partition(".")[0]) >= 2:
        # Its binaries were built against NumPy 1 and take the process down under NumPy 2.
        raise EnvironmentFault(
            f"tflite-runtime needs numpy below 2. Received: numpy {np.__version__}. "
            "Run pip install 'numpy<2', or pip install ai-edge-litert"
        )
    if clashes(runtime):
        raise EnvironmentFault(
            "tflite-runtime cannot run in a process that has loaded TensorFlow: their libraries "
            f"share symbols. Unset {RUNTIME_VARIABLE}, or pip install ai-edge-litert"
        )
    try:
        return importlib.import_module(runtime.module).Interpreter
    except (ImportError, OSError) as error:
        name = runtime.distribution
        raise import_fault("running a model", name, name, error) from error


def _open(runtime: Runtime, model: bytes, threads: int, batch: int) -> Any:
    """The runtime's own interpreter, with the int8 kernels that suit both it and the model."""
    factory = load_runtime(runtime)
    if (runtime, runtime.version) == _WITH_HIDDEN_XNNPACK:
        try:
            with held_stderr():
                return _allocated(factory, model, threads, batch, [_hidden_xnnpack(threads)])
        except (ValueError, RuntimeError, OSError, AttributeError, StopIteration) as error:
            logger.warning("XNNPACK cannot be used, so this model runs slowly: %s", error)
    with held_stderr():
        return _allocated(factory, model, threads, batch, [])


def _allocated(
    factory: Any, model: bytes, threads: int, batch: int, delegates: list[XnnpackDelegate]
) -> Any:
    native = factory(model_content=model, num_threads=threads, experimental_delegates=delegates)
    if batch > 1:
        (taken,) = native.get_input_details()
        native.resize_tensor_input(taken["index"], [batch, *taken["shape"][1:]], strict=False)
    native.allocate_tensors()
    return native


def _hidden_xnnpack(threads: int) -> XnnpackDelegate:
    """The kernels that ai-edge-litert uses for int8, which tflite-runtime has but leaves off."""
    package = importlib.util.find_spec("tflite_runtime")
    (folder,) = (package and package.submodule_search_locations) or ("",)
    return XnnpackDelegate(next(Path(folder).glob("*interpreter_wrapper*.so")), threads)


def _told_apart(outputs: list[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Scores and maps. By their shape: converters promise no order, and rename."""
    if len(outputs) == 1:
        return outputs, []
    is_map = [len(each["shape"]) == 4 and each["shape"][3] == 1 for each in outputs]
    scores = [each for each, yes in zip(outputs, is_map, strict=True) if not yes]
    return scores, [each for each, yes in zip(outputs, is_map, strict=True) if yes]


def _info(details: Mapping[str, Any]) -> TensorInfo:
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return TensorInfo(shape, np.dtype(details["dtype"]), float(scale), int(zero_point))
