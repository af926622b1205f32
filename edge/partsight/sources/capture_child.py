"""A camera or stream that is read by a process of its own, so that it can be killed.

Enters: an address and settings. Leaves: images (``CaptureBackend``). A read of OpenCV may block
for good, and a thread that is blocked cannot be ended; a process can. ``live`` notices the silence
and closes this, and opens another.
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
from types import TracebackType
from typing import Any

from partsight.errors import EnvironmentFault, SourceError
from partsight.sources.capture_backend import CapturedImage
from partsight.sources.shared_frames import SlotReader
from partsight.utils.child_python import python_module
from partsight.utils.known_secrets import without_secrets
from partsight.utils.memory_file import memory_file
from partsight.utils.redaction import redact_address, redact_text, remember_address

__all__ = ["COMMAND", "CaptureChild"]

logger = logging.getLogger(__name__)

COMMAND = python_module("partsight.sources.capture_process")
# A process that hangs in a driver of the kernel does not even end when it is killed.
_KILL_S = 2.0
# Threads of the linear algebra that NumPy brings, and that no one needs here.
_QUIET = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class CaptureChild:
    """Pictures from a process that reads ``address``; it lives while this is entered.

    Args:
        address: a camera's number, a device or an address with ``://``.
        settings: of the camera, see ``apply_settings``.
        command: what is started; the descriptor of the shared memory is added to it.

    Raises:
        EnvironmentFault: this system cannot hand descriptors to a process.
        OSError: no process, memory or descriptor is left.
    """

    def __init__(
        self,
        address: str,
        settings: Mapping[str, Any] | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        if os.name != "posix" or not command[0]:
            raise EnvironmentFault(
                "cameras and streams are read by a process of its own, which needs a POSIX system "
                f"and a Python executable. Received: {os.name}, {command[0]!r}. Use a folder."
            )
        self._name = redact_address(address)
        remember_address(address)
        self._buffer = b""
        with contextlib.ExitStack() as undo:
            self._descriptor = memory_file("partsight-frames")
            undo.callback(os.close, self._descriptor)
            self._reader = SlotReader(self._descriptor)
            self._process = subprocess.Popen(
                [*command, str(self._descriptor)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**without_secrets(os.environ), **_QUIET},
                pass_fds=(self._descriptor,),
                start_new_session=True,  # Ctrl-C is the parent's affair
                bufsize=0,
            )
            self._resources = undo.pop_all()
        self._resources.callback(self._reader.close)
        self._resources.callback(self._end)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders, self._messages = self._process.stdin, self._process.stdout
        # Not among the arguments, where everybody could read a password.
        job = {
            "address": address,
            "name": self._name,
            "settings": dict(settings or {}),
        }
        self._send(json.dumps(job).encode() + b"\n")

    def __enter__(self) -> CaptureChild:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._resources.close()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def read(self, timeout_s: float) -> CapturedImage | None:
        """The next picture, or None where none came in time.

        Raises:
            SourceError: the process has ended, or says that no more will come.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                shot = self._understood(line)
                if shot is not None:
                    return shot
            elif not self._receive(deadline_s - time.monotonic()):
                return None

    def _receive(self, timeout_s: float) -> bool:
        """Add what has come to the buffer; False where nothing came in time."""
        waiting = select.poll()
        waiting.register(self._messages, select.POLLIN)
        if not waiting.poll(max(0.0, timeout_s) * 1000):
            return False
        received = os.read(self._messages.fileno(), 1 << 16)
        if not received:
            raise self._has_ended()
        self._buffer += received
        return True

    def _understood(self, line: bytes) -> CapturedImage | None:
        try:
            message = json.loads(line)
        except ValueError:  # what some library printed before it could be told not to
            return None
        if "error" in message:
            raise SourceError(redact_text(message["error"]))
        if "warning" in message:
            logger.warning("%s", redact_text(message["warning"]))
            return None
        slot, slot_bytes, height, width, arrived_s, skipped = message["frame"]
        try:
            image_bgr = self._reader.copy(slot, slot_bytes, height, width)
        except (ValueError, OSError) as error:
            raise SourceError(f"{self._name}: no memory for a frame: {error}") from error
        self._send(bytes([slot]))
        return CapturedImage(image_bgr, arrived_s, skipped)

    def _send(self, data: bytes) -> None:
        # Where it has ended, reading tells that, and perhaps why.
        with contextlib.suppress(BrokenPipeError):
            self._orders.write(data)

    def _has_ended(self) -> SourceError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_S)
        return SourceError(
            f"{self._name}: the process that reads it ended with {self._process.returncode} "
            "(below 0: killed by that signal). It is started again"
        )

    def _end(self) -> None:
        self._process.kill()
        # One that a driver keeps is left behind; Popen collects it when the next is started.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_S)
        for pipe in (self._orders, self._messages):
            pipe.close()
