"""Chatter of native libraries, kept back unless it explains a failure.

TensorFlow and the TFLite runtimes write banners straight to file descriptor 2, past
Python. A command that prints one clear line wraps the noisy call in ``held_stderr``.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from partsight.utils.memory_file import memory_file
from partsight.utils.redaction import redact_text

__all__ = ["held_stderr"]


@contextlib.contextmanager
def held_stderr() -> Iterator[None]:
    """Hold back what is written to descriptor 2; let it out when the block raises.

    The descriptor belongs to the whole process: what other threads write to it in the
    meantime is held back too.
    """
    if sys.stderr is None:  # closed by whoever started the process, as some daemons are
        yield
        return
    sys.stderr.flush()
    held = memory_file("partsight-stderr")
    original = os.dup(2)
    os.dup2(held, 2)
    try:
        yield
    except BaseException:
        os.lseek(held, 0, os.SEEK_SET)
        with os.fdopen(os.dup(held), "rb") as file:
            said = file.read().decode("utf-8", "surrogateescape")
        os.write(original, redact_text(said).encode("utf-8", "surrogateescape"))
        raise
    finally:
        sys.stderr.flush()
        os.dup2(original, 2)
        os.close(original)
        os.close(held)
