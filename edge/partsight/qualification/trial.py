"""Trial of a model file that is new on this machine, in separate processes.

A digest shows damage, not malice: anyone can compute the digest of a manipulated file. The native
parser can crash on such a file, hang, or use all memory, and would end the line. A model that
passed is remembered by digest and runtime, and not tried again.
"""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Sequence

from partsight.errors import EnvironmentFault, ModelError
from partsight.inference.runtimes import Runtime, choose_runtime
from partsight.model.file import ModelFile
from partsight.model.tflite.flatbuffer import Malformed
from partsight.model.tflite.model_schema import MODEL
from partsight.model.tflite.verify import verify
from partsight.qualification.child_process import raise_for_end
from partsight.qualification.trial_cache import has_passed, remember
from partsight.utils.child_python import python_module
from partsight.utils.known_secrets import without_secrets
from partsight.utils.memory_limit import memory_limit_note

__all__ = ["require_sound"]

logger = logging.getLogger(__name__)

_TRIAL = "trials"
_COMMAND = python_module("partsight.qualification.trial_process")
# A read outside the file crashes only if the memory there is not mapped, so one run is not enough.
_TRIALS = 3
# A small device takes seconds to start; the time to load grows with the file.
_TIMEOUT_S, _TIMEOUT_S_A_MIB = 6.0, 1.0
_REMEDY = (
    "Expected a file that 'partsight train' or 'partsight export' made; copy it again from where "
    "it was made."
)


def require_sound(
    file: ModelFile, runtime: Runtime | None = None, command: Sequence[str] = _COMMAND
) -> None:
    """Refuse a model file that crashes its runtime.

    Args:
        file: model file whose digest was checked.
        runtime: runtime that will run the model, or None for the preferred one.
        command: program of the trial; it gets the runtime's name as argument and the file on stdin.

    Raises:
        EnvironmentFault: no TFLite runtime on this machine, or no process can be started.
        ModelError: the runtime refuses the model, crashes, hangs, or uses more than 1 GiB.
    """
    runtime = runtime or choose_runtime()
    try:
        verify(file.data, MODEL)
    except Malformed as error:
        raise _unsound(f"it is not a complete flatbuffer: {error}") from error
    if has_passed(_TRIAL, file.sha256, runtime):
        return
    if not command[0]:
        logger.warning("no Python executable to try the model with; it is loaded untried")
        return
    for _ in range(_TRIALS):
        _try(file, runtime, command)
    remember(_TRIAL, file.sha256, runtime)


def _try(file: ModelFile, runtime: Runtime, command: Sequence[str]) -> None:
    timeout_s = _TIMEOUT_S + _TIMEOUT_S_A_MIB * len(file.data) / 2**20
    try:
        done = subprocess.run(
            [*command, runtime.name],
            input=file.data,
            env=without_secrets(os.environ),
            capture_output=True,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise _unsound(f"one image takes more than {timeout_s:.0f} s") from error
    except OSError as error:
        raise EnvironmentFault(
            f"cannot start the process that tries the model: {error.strerror or error}. "
            f"{memory_limit_note()}"
        ) from error
    task = f"tries the model with {runtime.distribution} {runtime.version}"
    raise_for_end(done.returncode, done.stdout, done.stderr, task, _REMEDY)


def _unsound(reason: str) -> ModelError:
    return ModelError(f"the model cannot be run: {reason}. {_REMEDY}")
