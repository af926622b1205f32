"""Examination of a model in a separate process of lower priority.

Called by the thread that looks for new models, and by ``partsight model activate``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

from partsight.errors import EnvironmentFault, ModelError
from partsight.inference.runtimes import DEFAULT_OPTIONS, RuntimeOptions
from partsight.qualification.child_process import raise_for_end
from partsight.qualification.rules import ExaminationRequest, Findings, Rules
from partsight.qualification.trust import TrustPolicy
from partsight.utils.child_python import python_module
from partsight.utils.known_secrets import without_secrets

__all__ = ["Examine", "Stopped", "examine_isolated"]

Examine = Callable[[bytes, Rules, threading.Event], Findings]

_COMMAND = python_module("partsight.qualification.examine_process")
# Slow devices take seconds to start, and an acceptance set may have thousands of images.
_TIMEOUT_S = 1800.0
# Time until a stop is noticed.
_STEP_S = 0.1


class Stopped(Exception):  # noqa: N818 - the end of the line is not an error
    """The examination was stopped because the line ends."""


def examine_isolated(
    data: bytes,
    rules: Rules,
    stop: threading.Event | None = None,
    *,
    trust: TrustPolicy,
    options: RuntimeOptions = DEFAULT_OPTIONS,
    command: Sequence[str] = _COMMAND,
    timeout_s: float = _TIMEOUT_S,
) -> Findings:
    """Examine a model in a separate process.

    Args:
        data: bytes of the model file.
        rules: rules that the model must pass.
        stop: event that ends the process once it is set.
        trust: key that the model must be signed with.
        options: runtime that will run the model.
        command: program that examines; it gets the request as argument and the model on stdin.
        timeout_s: time limit.

    Raises:
        EnvironmentFault: this machine cannot start the process, or run the model in it.
        ModelError: the model is refused.
        Stopped: ``stop`` was set before the examination ended.
    """
    stop = stop or threading.Event()
    request = ExaminationRequest(rules=rules, runtime=options, trust=trust)
    process = _started([*command, request.model_dump_json()])
    # Sent by a thread: communicate() loses the rest of the input when a wait times out.
    sender = threading.Thread(target=_send, args=(process.stdin, data), daemon=True)
    process.stdin = None
    sender.start()
    try:
        output = _answer(process, stop, time.monotonic() + timeout_s)
    finally:
        if process.poll() is None:
            _kill(process)
        sender.join(_STEP_S)  # it ends as soon as the process no longer reads
    task, remedy = "examines the model", "Copy it again from where it was made."
    found = raise_for_end(process.returncode, *output, task, remedy)
    return Findings(**json.loads(found))


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=without_secrets(os.environ),
            # It starts child processes, which must end with it.
            start_new_session=True,
        )
    except OSError as error:
        raise EnvironmentFault(
            f"cannot start the process that examines the model: {error.strerror or error}. Give "
            "the line more memory, or permission to start processes."
        ) from error


def _send(pipe: IO[bytes] | None, data: bytes) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError), pipe:  # the process ended
            pipe.write(data)


def _answer(
    process: subprocess.Popen[bytes], stop: threading.Event, deadline_s: float
) -> tuple[bytes, bytes]:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_STEP_S)
        if stop.is_set():
            raise Stopped
        if time.monotonic() > deadline_s:
            raise ModelError(
                "the examination takes too long; the old model stays active. Use fewer images in "
                "the acceptance set."
            )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):  # it may have ended already
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()
