"""Moves one part after the other in front of the camera and triggers the line for each."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time

from tests.soak.evidence import Request
from tests.soak.pixel_code import part_id
from tests.soak.rig import FRAME_TIMEOUT_S, Rig

__all__ = ["Belt"]

# Before the trigger, the camera sends the new part; after it, the part stays for its frame.
_ARRIVE_S = 0.06
_STAY_S = FRAME_TIMEOUT_S + 0.04
_ANSWER_S = 3.0
# After its start, the line may still be opening sockets.
_SETTLED_S = 1.0


class Belt:
    """A thread that runs until ``end``.

    Attributes:
        requests: sent so far.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.requests: list[Request] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            self._rig.camera.number = number
            time.sleep(_ARRIVE_S)
            at_s = time.monotonic()
            before = self._up()
            status = self._trigger(part_id(number))
            due = before and self._up()
            self.requests.append(Request(part_id(number), at_s, status, due))
            time.sleep(max(0.0, at_s + _STAY_S - time.monotonic()))

    def _up(self) -> bool:
        since_s = self._rig.line.up_since_s
        settled = since_s is not None and time.monotonic() - since_s > _SETTLED_S
        return settled and not self._rig.paused

    def _trigger(self, part: str) -> int | None:
        port = self._rig.trigger_port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
        headers = {"Authorization": f"Bearer {self._rig.secrets['trigger']}"}
        with contextlib.closing(connection):
            try:
                connection.request("POST", "/trigger", json.dumps({"part_id": part}), headers)
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return None
