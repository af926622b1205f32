"""The life of a line as systemd and people see it: a real process, socket, signals and server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from partsight.config.health import HealthConfig
from partsight.errors import ConfigError
from partsight.line.line_health import LineHealth, status_line
from partsight.telemetry.systemd import Notifier
from partsight.telemetry.telemetry import Telemetry

PATIENCE_S = 30.0

LINE = """
import sys, time
from pathlib import Path
from partsight.config.health import HealthConfig
from partsight.line.line_health import LineHealth
from partsight.line.signals import LineSignals
from partsight.telemetry.telemetry import Telemetry

stuck = Path(sys.argv[1])
telemetry = Telemetry()
config = HealthConfig(port=0, stalled_after_s=0.2)
facts = {"sha256": "ab"}
with LineHealth(telemetry, lambda: facts, config, {}) as health, LineSignals() as signals:
    print(health.port, flush=True)
    for part in ("model", "source", "journal"):
        telemetry.state(part, {"model": "running", "source": "running", "journal": "writing"}[part])
    health.notifier.ready("up")
    while not signals.stop:
        health.heartbeat()
        if signals.take_reload():
            health.notifier.reloading()
            health.notifier.ready("reloaded")
        time.sleep(0.005)
        while stuck.exists():
            time.sleep(0.005)
    health.notifier.stopping("asked to")
"""


@dataclass
class Line:
    process: subprocess.Popen[str]
    manager: socket.socket
    stuck: Path
    port: int

    def heard(self, beginning: str) -> str:
        """Wait for a message."""
        while True:
            message = self.manager.recv(4096).decode()
            if message.startswith(beginning):
                return message

    def drain(self) -> list[str]:
        self.manager.setblocking(False)
        messages = []
        try:
            while True:
                messages.append(self.manager.recv(4096).decode())
        except BlockingIOError:
            return messages
        finally:
            self.manager.settimeout(PATIENCE_S)

    def status(self, path: str) -> int:
        address = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            json.loads(error.read())
            return error.code


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(PATIENCE_S)
        environ = {**os.environ, "NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "30000"}
        command = [sys.executable, "-c", LINE, str(tmp_path / "stuck")]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                port = int(process.stdout.readline())
                yield Line(process, manager, tmp_path / "stuck", port)
            finally:
                process.kill()


needs_unix = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")


@needs_unix
def test_ready_reload_and_stop_are_notified(line: Line) -> None:
    assert line.heard("READY=1") == "READY=1\nSTATUS=up"
    assert line.status("/healthz") == line.status("/readyz") == line.status("/metrics") == 200
    line.process.send_signal(signal.SIGHUP)
    assert line.heard("RELOADING=1").startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert line.heard("READY=1") == "READY=1\nSTATUS=reloaded"
    line.process.send_signal(signal.SIGTERM)
    assert line.heard("STOPPING=1") == "STOPPING=1\nSTATUS=asked to"
    assert line.process.wait(PATIENCE_S) == 0


@needs_unix
def test_a_loop_that_hangs_is_seen_though_its_threads_live(line: Line) -> None:
    line.heard("WATCHDOG=1")
    line.stuck.touch()
    wait_for(lambda: line.status("/healthz") == 503)
    line.drain()
    assert line.status("/metrics") == 200  # the server's threads go on
    assert line.drain() == []
    line.stuck.unlink()
    line.heard("WATCHDOG=1")
    wait_for(lambda: line.status("/healthz") == 200)


def test_a_taken_address_leaves_nothing_behind() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = HealthConfig(port=taken.getsockname()[1])
        with (
            pytest.raises(ConfigError, match=r"\[health\]"),
            LineHealth(Telemetry(), dict, config, {}, Notifier(None)),
        ):
            pass


def test_a_disabled_server_does_not_listen() -> None:
    config = HealthConfig(enabled=False)
    with LineHealth(Telemetry(), dict, config, {}, Notifier(None)) as health:
        assert health.port is None
        health.heartbeat()


def test_the_status_is_a_line() -> None:
    telemetry = Telemetry()
    assert status_line(telemetry) == "no verdicts yet"
    telemetry.count("verdicts", "reject")
    telemetry.count("verdicts", "accept", by=20)
    telemetry.set("alarms", 1, "luma")
    telemetry.set("alarms", 0, "contrast")
    telemetry.state("alarm luma", "raised", "far too bright")
    telemetry.state("source", "running")
    assert status_line(telemetry) == "accept 20, reject 1; source running; alarm luma"


def test_the_limit_for_sinks_is_that_of_the_configuration() -> None:
    telemetry = Telemetry()
    for part, state in (("model", "running"), ("source", "running"), ("journal", "writing")):
        telemetry.state(part, state)
    telemetry.state("sink plc", "unreachable", "no answer")
    codes = []
    for limit_s in (0.0, 300.0):
        config = HealthConfig(port=0, sink_unreachable_after_s=limit_s)
        with LineHealth(telemetry, dict, config, {}, Notifier(None)) as health:
            address = f"http://127.0.0.1:{health.port}/readyz"
            try:
                with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
                    codes.append(answer.status)
            except urllib.error.HTTPError as error:
                codes.append(error.code)
    assert codes == [503, 200]
