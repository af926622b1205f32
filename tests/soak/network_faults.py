"""Faults of the camera, the receivers and the clients of the line."""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.soak import camera, proxy
from tests.soak.plan import Fault
from tests.soak.rig import Rig
from tests.soak.web_modes import ANSWERS

__all__ = ["FAULTS_BY_LANE"]

Act = Callable[[Rig, Fault], None]
# A killed broker loses messages that it acknowledged in its last second: no fault of the line.
_SAVED_S = 2.5
_SLOW_CLIENTS = 24
_HOSTILE = (
    b"GET / HTTP/1.1\r\nHost: " + b"a" * 70_000 + b"\r\n\r\n",
    b"POST /trigger HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
    b"POST /trigger?part_id=STOLEN HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n\r\n",
    b"POST /trigger HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
)


def _camera(rig: Rig, fault: Fault, mode: str) -> None:
    rig.camera.mode = mode
    time.sleep(fault.seconds)
    rig.camera.mode = "good"


def _reader_stopped(rig: Rig, fault: Fault) -> None:
    _signal_children(rig, signal.SIGSTOP)
    time.sleep(fault.seconds)
    _signal_children(rig, signal.SIGCONT)


def _reader_killed(rig: Rig, fault: Fault) -> None:
    _signal_children(rig, signal.SIGKILL)


def _signal_children(rig: Rig, number: int) -> None:
    """Send a signal to the process that reads the camera."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{rig.line.pid}/task/{rig.line.pid}/children").read_text()
        for child in children.split():
            if b"capture_child" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), number)


def _wire(rig: Rig, fault: Fault, name: str, mode: str) -> None:
    wire = rig.mqtt_wire if name == "broker" else rig.plc_wire
    wire.mode = mode
    if mode == "refuse":
        wire.close_all()
    time.sleep(fault.seconds)
    wire.mode = "pass"
    wire.close_all()


def _broker_killed(rig: Rig, fault: Fault) -> None:
    rig.mqtt_wire.mode = "refuse"
    rig.mqtt_wire.close_all()
    time.sleep(_SAVED_S)
    rig.broker.kill()
    time.sleep(fault.seconds)
    rig.broker.start()
    rig.mqtt_wire.mode = "pass"


def _broker_hangs(rig: Rig, fault: Fault) -> None:
    rig.broker.pause()
    time.sleep(fault.seconds)
    rig.broker.resume()


def _plc_off(rig: Rig, fault: Fault) -> None:
    rig.plc.stop()
    time.sleep(fault.seconds)
    rig.plc.start()


def _web(rig: Rig, fault: Fault, mode: str) -> None:
    rig.web.respond = ANSWERS[mode]
    time.sleep(fault.seconds)
    rig.web.respond = rig.good_answer


def _slow_clients(rig: Rig, fault: Fault, head: bytes, port: str) -> None:
    """Connections that send a request byte by byte, and hold what the server has for clients."""
    number = rig.trigger_port if port == "trigger" else rig.health_port
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(_SLOW_CLIENTS):
            with contextlib.suppress(OSError):
                client = socket.create_connection(("127.0.0.1", number), timeout=1)
                clients.append(stack.enter_context(client))
        until_s = time.monotonic() + fault.seconds
        for byte in head * 100:
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(bytes([byte]))
            if time.monotonic() > until_s:
                return
            time.sleep(0.2)


def _hostile_requests(rig: Rig, fault: Fault) -> None:
    until_s = time.monotonic() + fault.seconds
    while time.monotonic() < until_s:
        for port in (rig.trigger_port, rig.health_port):
            for data in (*_HOSTILE, secrets.token_bytes(500)):
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection(("127.0.0.1", port), timeout=0.2) as client,
                ):
                    client.sendall(data)
                    client.recv(1000)
        time.sleep(0.2)


def _flood(rig: Rig, fault: Fault) -> None:
    """Requests without a token, which must not use up the triggers that may wait."""
    until_s = time.monotonic() + fault.seconds
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", rig.trigger_port, timeout=1)
            connection.request("POST", "/trigger?part_id=STOLEN")
            connection.getresponse().read()
            connection.close()
        time.sleep(0.01)


_TRIGGER_HEAD = b"POST /trigger HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "
_HEALTH_HEAD = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "

FAULTS_BY_LANE: Mapping[str, Mapping[str, Act]] = {
    "camera": {
        **{f"camera {mode}": functools.partial(_camera, mode=mode) for mode in camera.MODES},
        "camera reader stopped": _reader_stopped,
        "camera reader killed": _reader_killed,
    },
    "broker": {
        **{
            f"broker {mode}": functools.partial(_wire, name="broker", mode=mode)
            for mode in proxy.MODES
        },
        "broker killed": _broker_killed,
        "broker hangs": _broker_hangs,
    },
    "plc": {
        **{f"plc {mode}": functools.partial(_wire, name="plc", mode=mode) for mode in proxy.MODES},
        "plc off": _plc_off,
    },
    "web": {f"web {mode}": functools.partial(_web, mode=mode) for mode in ANSWERS},
    "clients": {
        "clients slow trigger": functools.partial(
            _slow_clients, head=_TRIGGER_HEAD, port="trigger"
        ),
        "clients slow health": functools.partial(_slow_clients, head=_HEALTH_HEAD, port="health"),
        "clients hostile": _hostile_requests,
        "clients without token": _flood,
    },
}
