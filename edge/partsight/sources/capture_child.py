"""The parent's side of capture: a backend that reads a camera or stream in a child process.

A read of OpenCV may block without end. A blocked thread cannot be stopped, but a process can be
killed: ``live`` detects the silence, closes this backend and opens another.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from partsight.errors import EnvironmentFault, SourceError
from partsight.sources.capture_backend import CapturedImage
from partsight.sources.shared_frames import SharedFrameReader
from partsight.utils.child_python import python_module
from partsight.utils.known_secrets import without_secrets
from partsight.utils.memory_file import memory_file
from partsight.utils.redaction import redact_address, redact_text, remember_address

__all__ = ["COMMAND", "CaptureChild"]

logger = logging.getLogger(__name__)

COMMAND = python_module("partsight.sources.capture_process")
# A process that hangs in a kernel driver does not end even when it is killed.
_KILL_S = 2.0
# NumPy's linear algebra would start threads that are not needed here.
_NO_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class CaptureChild(contextlib.AbstractContextManager["CaptureChild"]):
    """Images from a process that reads ``address``; the process ends with the block.

    Args:
        address: a camera's number, a device or an address with ``://``.
        settings: of the camera, see ``apply_settings``.
        command: of the child process; the descriptor of the shared memory is added to it.

    Raises:
        EnvironmentFault: the system cannot pass descriptors to a process.
        OSError: no process, memory or descriptor is available.
    """

    def __init__(
        self,
        address: str,
        settings: Mapping[str, Any] | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        if os.name != "posix" or not command[0]:
            raise EnvironmentFault(
                "cameras and streams are read by a separate process, which needs a POSIX system "
                f"and a Python executable. Received: {os.name}, {command[0]!r}. Use a folder."
            )
        self._name = redact_address(address)
        remember_address(address)
        self._buffer = b""
        with contextlib.ExitStack() as undo:
            self._descriptor = memory_file("partsight-frames")
            undo.callback(os.close, self._descriptor)
            self._reader = SharedFrameReader(self._descriptor)
            self._process = subprocess.Popen(
                [*command, str(self._descriptor)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**without_secrets(os.environ), **_NO_THREADS},
                pass_fds=(self._descriptor,),
                start_new_session=True,  # the parent handles Ctrl-C
                bufsize=0,
            )
            self._resources = undo.pop_all()
        self._resources.callback(self._reader.close)
        self._resources.callback(self._end)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._messages = self._process.stdin, self._process.stdout
        # Not as arguments, which all users could read, with the password.
        job = {
            "address": address,
            "name": self._name,
            "settings": dict(settings or {}),
        }
        self._send(json.dumps(job).encode() + b"\n")

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def read(self, timeout_s: float) -> CapturedImage | None:
        """Return the next image, or None if none comes in time.

        Raises:
            SourceError: the process has ended or reports an error.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                captured = self._parsed(line)
                if captured is not None:
                    return captured
            elif not self._receive(deadline_s - time.monotonic()):
                return None

    def _receive(self, timeout_s: float) -> bool:
        """Add received bytes to the buffer; return False if nothing comes in time."""
        waiting = select.poll()
        waiting.register(self._messages, select.POLLIN)
        if not waiting.poll(max(0.0, timeout_s) * 1000):
            return False
        received = os.read(self._messages.fileno(), 1 << 16)
        if not received:
            raise self._ended_error()
        self._buffer += received
        return True

    def _parsed(self, line: bytes) -> CapturedImage | None:
        try:
            message = json.loads(line)
        except ValueError:  # output of a library at its start
            return None
        if "error" in message:
            raise SourceError(redact_text(message["error"]))
        if "warning" in message:
            logger.warning("%s", redact_text(message["warning"]))
            return None
        buffer, buffer_bytes, height, width, arrived_s, skipped = message["frame"]
        try:
            image_bgr = self._reader.copy(buffer, buffer_bytes, height, width)
        except (ValueError, OSError) as error:
            raise SourceError(f"{self._name}: no memory for a frame: {error}") from error
        self._send(bytes([buffer]))  # the process may write to it again
        return CapturedImage(image_bgr, arrived_s, skipped)

    def _send(self, data: bytes) -> None:
        # If the process has ended, the next read raises the error.
        with contextlib.suppress(BrokenPipeError):
            self._input.write(data)

    def _ended_error(self) -> SourceError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_S)
        return SourceError(
            f"{self._name}: the process that reads this source ended with status "
            f"{self._process.returncode} (below 0: killed by the signal of that number). The "
            "process is started again"
        )

    def _end(self) -> None:
        self._process.kill()
        # A process stuck in a driver is left behind; Popen reaps it when the next one starts.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_S)
        for pipe in (self._input, self._messages):
            pipe.close()
