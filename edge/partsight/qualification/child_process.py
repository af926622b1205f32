"""Protocol between a child process that runs a model and its parent.

The model may crash the native code, hang or use up memory; the machine may lack memory, a library
or a folder. To separate the two, the child writes ``ready`` once it has loaded everything that it
needs, and only then reads the model. If it ends before, the machine is at fault.

Exit codes: 0 done, 3 the model is refused, 4 the machine cannot run it; the reason is on stdout.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from partsight.errors import EnvironmentFault, ModelError, PartsightError
from partsight.utils.memory_limit import memory_limit, memory_limit_note

__all__ = ["CANNOT_RUN", "READY", "REFUSED", "answer", "raise_for_end"]

REFUSED = 3
CANNOT_RUN = 4
READY = b"ready\n"


def answer(prepare: Callable[[], object], work: Callable[[bytes], str], most_memory: int) -> None:
    """Run the child: prepare, write ``ready``, read the model from stdin, and answer on stdout.

    Args:
        prepare: loads everything that any model needs.
        work: returns the answer for the bytes of the model.
        most_memory: limit on the data of this process from then on, bytes.
    """
    limited = memory_limit() is not None
    try:
        prepare()
        sys.stdout.write(READY.decode())
        sys.stdout.flush()
        _limit_memory(most_memory)
        result = work(sys.stdin.buffer.read())
    except MemoryError as error:
        reason = str(error) or "not enough memory"
        if limited:
            _end(CANNOT_RUN, f"{reason}. {memory_limit_note()}")
        _end(REFUSED, f"the model uses too much memory: {reason}")
    except (EnvironmentFault, ImportError, OSError) as error:
        _end(CANNOT_RUN, str(error))
    except PartsightError as error:
        _end(REFUSED, str(error))
    sys.stdout.write(result)


def _limit_memory(most: int) -> None:
    """Limit the data of this process, unless a lower limit is set already."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft == resource.RLIM_INFINITY or soft > most:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _end(code: int, reason: str) -> None:
    # On stdout: native code writes to stderr.
    sys.stdout.write(" ".join(reason.split()))
    sys.exit(code)


def raise_for_end(returncode: int, stdout: bytes, stderr: bytes, task: str, remedy: str) -> bytes:
    """Return the child's answer, or raise the error that its exit code stands for.

    Args:
        returncode: exit code of the child.
        stdout: output of the child.
        stderr: error output of the child; its last line is the reason.
        task: task of the child, such as ``tries the model``.
        remedy: next step if the model is at fault.

    Raises:
        EnvironmentFault: this machine cannot run the child or the model.
        ModelError: the model is refused, or the process crashed on it.
    """
    was_ready = stdout.startswith(READY)
    text = stdout.removeprefix(READY)
    reason = text.decode(errors="replace").strip()
    if returncode == 0:
        return text
    if returncode == REFUSED:
        raise ModelError(reason)
    if returncode == CANNOT_RUN:
        raise _cannot_run(task, reason)
    last = (stderr.decode(errors="replace").strip().splitlines() or [""])[-1].strip()
    ended = f"it ended with {_status(returncode)}" + (f": {last}" if last else "")
    # Linux kills a process when memory runs out; under a limit, native code aborts instead.
    if returncode == -getattr(signal, "SIGKILL", 9) or memory_limit():
        raise _cannot_run(task, f"{ended}. {memory_limit_note()}")
    if not was_ready:
        raise _cannot_run(task, ended)
    raise ModelError(
        f"the model cannot be run: the process that {task} crashed with {_status(returncode)}. "
        f"{remedy}"
    )


def _cannot_run(task: str, reason: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"this machine cannot run the process that {task}: {reason.rstrip('.')}. "
        "The model itself is not known to be at fault."
    )


def _status(returncode: int) -> str:
    if returncode >= 0:
        return f"status {returncode}"
    try:
        return f"signal {signal.Signals(-returncode).name}"
    except ValueError:
        return f"signal {-returncode}"
