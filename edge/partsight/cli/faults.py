"""Messages for errors that end a command: one line, without secrets."""

from __future__ import annotations

import errno

from partsight.utils.imports import is_installed
from partsight.utils.memory_limit import memory_fault, memory_limit, memory_limit_note
from partsight.utils.printable import printable
from partsight.utils.redaction import redact_text

__all__ = ["environment_fault", "one_line"]

# The next step for errors of the operating system.
_SYSTEM_STEPS = {
    errno.ENOSPC: "Free space on the disk that is written to",
    errno.EDQUOT: "Free space within the quota of this user",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "Choose a folder that is writable",
    errno.EMFILE: "Raise the limit on open files (ulimit -n)",
    errno.ENFILE: "Close other programs, or raise the system's limit on open files",
    errno.ENOMEM: "Free memory on this machine, or raise the limit on it (ulimit -v)",
    errno.EAGAIN: "Allow more processes and threads (ulimit -u)",
}
# Beginning of the message of ``tempfile``.
_NO_TEMPORARY_FOLDER = "No usable temporary directory"


def one_line(error: BaseException | str) -> str:
    """The message of an error in one printable line."""
    return printable(" ".join(redact_text(str(error)).split()))


def environment_fault(error: Exception) -> str | None:
    """The message for a fault of the machine, such as a missing library; None for a defect."""
    # A low memory limit appears as any kind of failed import, or as a thread that cannot start.
    if (short := memory_fault(error)) is not None:
        loading = "a library cannot be loaded: " if isinstance(error, ImportError) else ""
        return f"{loading}{one_line(short)}. {memory_limit_note()}"
    if isinstance(error, ImportError):
        missing = (error.name or "").partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and missing and not is_installed(missing):
            package = {"PIL": "pillow"}.get(missing, missing)
            return f"the package {package} is not installed. Run pip install {package}"
        step = memory_limit_note() if memory_limit() else "Run 'partsight doctor'"
        return f"a library cannot be loaded: {one_line(error).rstrip('.')}. {step}"
    if isinstance(error, FileNotFoundError) and _NO_TEMPORARY_FOLDER in str(error):
        return (
            "no temporary folder can be written: expected TMPDIR, /tmp, /var/tmp or the current "
            "folder. Set TMPDIR to a folder that is writable"
        )
    if isinstance(error, OSError) and error.errno in _SYSTEM_STEPS:
        return f"{one_line(error)}. {_SYSTEM_STEPS[error.errno]}"
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return f"cannot start a thread. {memory_limit_note()} Or allow more threads (ulimit -u)."
    return None
