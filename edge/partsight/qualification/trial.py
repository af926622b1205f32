"""A model file that is new here is first run in processes of its own.

A file's digest tells damage, not malice: whoever writes a flatbuffer writes its digest. The
native parser can crash on one, hang, or take all memory, and would take the line with it.
What passed is remembered, by digest and runtime, and not tried again.
"""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Sequence

from partsight.errors import EnvironmentFault, ModelError
from partsight.inference.runtimes import RUNTIME_VARIABLE, Runtime, choose_runtime
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
# Where a read goes astray, it depends on what lies there whether that is noticed.
_TRIALS = 3
# A small device takes seconds to start; a large model takes as long as it is large.
_TIMEOUT_S, _TIMEOUT_S_A_MIB = 6.0, 1.0
_REMEDY = (
    "Expected a file that 'partsight train' or 'partsight export' made; copy it again from where "
    "it was made."
)


def require_sound(
    file: ModelFile, runtime: Runtime | None = None, command: Sequence[str] = _COMMAND
) -> None:
    """Refuse a file that the runtime does not survive.

    Args:
        file: whose digest is that of its contract.
        runtime: that shall run it; None is the one that would be chosen.
        command: what is given the file on stdin.

    Raises:
        EnvironmentFault: no TFLite runtime on this machine, or it cannot run one in a process.
        ModelError: the runtime refuses it, crashes, hangs, or takes more than 1 GiB.
    """
    runtime = runtime or choose_runtime()
    try:
        verify(file.data, MODEL)
    except Malformed as error:
        raise _unsound(f"it is no whole flatbuffer: {error}") from error
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
            command,
            input=file.data,
            env={**without_secrets(os.environ), RUNTIME_VARIABLE: runtime.name},
            capture_output=True,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise _unsound(f"one frame takes it more than {timeout_s:.0f} s") from error
    except OSError as error:
        raise EnvironmentFault(
            f"cannot start a process to try the model in: {error.strerror or error}. "
            f"{memory_limit_note()}"
        ) from error
    task = f"tries the model with {runtime.distribution} {runtime.version}"
    raise_for_end(done.returncode, done.stdout, done.stderr, task, _REMEDY)


def _unsound(reason: str) -> ModelError:
    return ModelError(f"the model cannot be run: {reason}. {_REMEDY}")
