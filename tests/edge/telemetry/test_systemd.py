"""Notifications to systemd, received on a real datagram socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from partsight.telemetry.progress import Heartbeat
from partsight.telemetry.systemd import Notifier, watchdog_period_s

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")


class Clock:
    now_s = 5.0

    def __call__(self) -> float:
        return self.now_s


class Manager:
    """The service manager's end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return messages


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    paths = {"path": str(tmp_path / "notify"), "abstract": f"@partsight-{uuid.uuid4().hex}"}
    manager = Manager(paths[request.param])
    yield manager
    manager.socket.close()


def test_the_life_of_a_service(manager: Manager) -> None:
    clock = Clock()
    with Notifier(manager.address, None, clock) as notifier:
        notifier.ready("3 parts\nWATCHDOG=trigger")
        assert manager.heard() == ["READY=1\nSTATUS=3 parts WATCHDOG=trigger"]
        notifier.status("4 parts")
        notifier.status("4 parts")
        assert manager.heard() == ["STATUS=4 parts"]
        notifier.reloading()
        notifier.ready("new configuration")
        assert manager.heard() == [
            "RELOADING=1\nMONOTONIC_USEC=5000000",
            "READY=1\nSTATUS=new configuration",
        ]
        notifier.stopping("asked to")
        assert manager.heard() == ["STOPPING=1\nSTATUS=asked to"]


def test_only_the_turns_of_the_loop_feed_the_watchdog(manager: Manager) -> None:
    clock = Clock()
    with Notifier(manager.address, 10.0, clock) as notifier:
        heartbeat = Heartbeat([notifier.feed_watchdog], clock)
        clock.now_s += 1000  # and no turn: a hanging loop
        assert manager.heard() == []
        fed = []
        for _ in range(31):
            heartbeat.beat()
            fed.append(len(manager.heard()))
            clock.now_s += 1
        assert [turn for turn, messages in enumerate(fed) if messages] == [0, 10, 20, 30]


def test_a_failed_notification_is_sent_again(tmp_path: Path) -> None:
    clock = Clock()
    address = str(tmp_path / "late")
    with Notifier(address, 10.0, clock) as notifier:
        notifier.ready("line")
        notifier.status("line 2")
        late = Manager(address)
        notifier.feed_watchdog()
        notifier.status("line 2")
        assert late.heard() == ["READY=1\nSTATUS=line", "WATCHDOG=1", "STATUS=line 2"]
        notifier.feed_watchdog()
        assert late.heard() == []
        late.socket.close()


def test_a_manager_that_does_not_listen_holds_up_nothing(
    manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    with Notifier(manager.address, 0.0) as notifier:
        for _ in range(5000):  # more than the socket holds
            notifier.feed_watchdog()
    assert len(caplog.records) == 1
    assert 0 < len(manager.heard()) < 5000


def test_without_systemd_nothing_is_said() -> None:
    environ: dict[str, str] = {}
    with Notifier.from_environ(environ) as notifier:
        notifier.ready("line")
        notifier.feed_watchdog()
        notifier.stopping("end")


@pytest.mark.parametrize(
    ("environ", "period_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getppid())}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": ""}, 10.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "me"}, None),
    ],
)
def test_who_is_watched_and_how_often(environ: dict[str, str], period_s: float | None) -> None:
    assert watchdog_period_s(environ) == period_s


def test_the_variables_are_not_handed_down(manager: Manager) -> None:
    environ = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "3000000", "HOME": "/"}
    with Notifier.from_environ(environ) as notifier:
        assert environ == {"HOME": "/"}
        notifier.ready("line")
    assert manager.heard() == ["READY=1\nSTATUS=line", "WATCHDOG=1"]


def test_a_process_of_its_own_is_heard(manager: Manager) -> None:
    code = (
        "from partsight.telemetry.systemd import Notifier\n"
        "with Notifier.from_environ() as notifier: notifier.ready('up')"
    )
    environ = {**os.environ, "NOTIFY_SOCKET": manager.address}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True, timeout=60)
    assert manager.heard() == ["READY=1\nSTATUS=up"]
