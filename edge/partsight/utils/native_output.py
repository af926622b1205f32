"""Suppresses the stderr output of native libraries unless a call fails.

TensorFlow and the TFLite runtimes write messages directly to file descriptor 2. A command that
prints one clear line wraps such a call in ``suppressed_stderr``.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from partsight.utils.memory_file import memory_file
from partsight.utils.redaction import redact_text

__all__ = ["suppressed_stderr"]


@contextlib.contextmanager
def suppressed_stderr() -> Iterator[None]:
    """Hold back the output to file descriptor 2; write it, redacted, if the block raises.

    The descriptor belongs to the whole process, so that output of other threads is held back too.
    """
    if sys.stderr is None:  # started with a closed stderr, like some daemons
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
            output = file.read().decode("utf-8", "surrogateescape")
        os.write(original, redact_text(output).encode("utf-8", "surrogateescape"))
        raise
    finally:
        sys.stderr.flush()
        os.dup2(original, 2)
        os.close(original)
        os.close(held)
