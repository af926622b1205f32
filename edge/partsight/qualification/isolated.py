"""An examination beside the line: in a process of its own, at a lower priority.

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
from partsight.qualification.child_process import raise_for_end
from partsight.qualification.rules import Findings, Rules
from partsight.utils.child_python import python_module
from partsight.utils.known_secrets import without_secrets

__all__ = ["Examine", "Stopped", "examine_aside"]

Examine = Callable[[bytes, Rules, threading.Event], Findings]

_COMMAND = python_module("partsight.qualification.examine_process")
# Slow devices take seconds to start, and an acceptance set may have thousands of pictures.
_TIMEOUT_S = 1800.0
# How soon a stop is noticed.
_STEP_S = 0.1


class Stopped(Exception):  # noqa: N818 - the line ends, which is no error
    """The examination was given up, because the line ends."""


def examine_aside(
    data: bytes,
    rules: Rules,
    stop: threading.Event | None = None,
    *,
    command: Sequence[str] = _COMMAND,
    timeout_s: float = _TIMEOUT_S,
) -> Findings:
    """Examine a model in a process of its own.

    Args:
        data: the bytes that will be run.
        rules: what it must pass.
        stop: once it is set, the process is ended.
        command: is given the rules as an argument, and the model on stdin.
        timeout_s: how long it may take.

    Raises:
        EnvironmentFault: this machine cannot start the process, or run the model in it.
        ModelError: the reason against it.
        Stopped: ``stop`` was set before there was one.
    """
    stop = stop or threading.Event()
    process = _started(command, rules)
    # By a thread: communicate() loses what it has not sent when a wait times out.
    sender = threading.Thread(target=_send, args=(process.stdin, data), daemon=True)
    process.stdin = None
    sender.start()
    try:
        told = _answer(process, stop, time.monotonic() + timeout_s)
    finally:
        if process.poll() is None:
            _kill(process)
        sender.join(_STEP_S)  # without a reader it has nothing to wait for
    task, remedy = "examines the model", "Copy it again from where it was made."
    found = raise_for_end(process.returncode, *told, task, remedy)
    return Findings(**json.loads(found))


def _started(command: Sequence[str], rules: Rules) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [*command, rules.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=without_secrets(os.environ),
            # It starts others: all of them end together.
            start_new_session=True,
        )
    except OSError as error:
        raise EnvironmentFault(
            f"cannot start a process to examine the model in: {error.strerror or error}. Give the "
            "line more memory, or leave to start processes."
        ) from error


def _send(pipe: IO[bytes] | None, data: bytes) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError), pipe:  # whoever went down reads no more
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
                "the model takes too long to examine; the old one stays in force. Give it fewer "
                "pictures in the acceptance set."
            )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):  # it may have ended by now
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()
