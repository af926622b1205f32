"""The whole line with HTTP triggers, a broker, a web server and a PLC."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.modbus import run_plc
from tests.servers.mosquitto import listen, run_mosquitto
from tests.servers.process import DEADLINE_S, free_port, until
from tests.servers.web import run_web_server

from partsight.errors import JournalError
from partsight.journal import read_events
from partsight.sample_data import write_sample_data

CONFIG = """
[journal]
path = "journal.db"

[trigger]
kind = "http"
port = {trigger}

[[sinks]]
kind = "mqtt"
host = "127.0.0.1"
port = {mqtt}
prefix = "line1"

[[sinks]]
kind = "webhook"
url = "{url}"
secret_env = "HOOK_SECRET"

[[sinks]]
kind = "modbus"
host = "127.0.0.1"
port = {modbus}
"""


@contextlib.contextmanager
def watching(folder: Path, model: Path, config: str) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "partsight.toml").write_text(config)
    command = [sys.executable, "-m", "partsight", "watch", str(model), "--source", "parts"]
    with (folder / "log").open("wb") as log:
        line = subprocess.Popen(
            [*command, "--config", "partsight.toml"],
            cwd=folder,
            env={**os.environ, "HOOK_SECRET": "s3cret"},
            stdout=log,
            stderr=log,
        )
    try:
        yield line
    finally:
        line.kill()
        line.wait(DEADLINE_S)


def trigger(port: int, part_id: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        try:
            connection.request("POST", "/trigger", json.dumps({"part_id": part_id}))
        except ConnectionRefusedError:
            return False
        return connection.getresponse().status == 202


def test_every_part_is_answered_for_on_every_wire(tmp_path: Path, model_path: Path) -> None:
    write_sample_data(tmp_path / "parts", per_label=5)
    parts = [f"P{number}" for number in range(10)]
    with (
        run_mosquitto(tmp_path) as broker,
        run_web_server() as web,
        run_plc() as plc,
        listen(broker.port, "line1/#") as listener,
    ):
        port = free_port()
        config = CONFIG.format(trigger=port, mqtt=broker.port, url=web.url, modbus=plc.port)
        with watching(tmp_path, model_path, config) as line:

            def alive(what: bool) -> bool:
                assert line.poll() is None, (tmp_path / "log").read_text()
                return what

            def reported() -> list[str]:
                return [row["part_id"] for row in listener.contents("line1/verdicts")]

            for part in parts[:4]:
                until(lambda part=part: alive(trigger(port, part)), "the line should listen")
            until(lambda: alive(reported() == parts[:4]), "the broker should be reported")
            broker.save("line1/#")
            broker.kill()
            plc.stop()
            for part in parts[4:7]:
                assert trigger(port, part)
            plc.start()
            broker.start()
            for part in parts[7:]:
                assert trigger(port, part)
            until(
                lambda: alive(list(dict.fromkeys(reported())) == parts),
                "the broker should know all",
            )
            until(lambda: alive(sum(plc.registers(0, 6)) == 10), "the PLC should count all")
            line.send_signal(signal.SIGTERM)
            line.wait(DEADLINE_S)
        until(
            lambda: (
                [reported["state"] for reported in listener.contents("line1/status")][-1:]
                == ["offline"]
            ),
            "it should part from the broker",
        )

    assert listener.contents("line1/status")[-1]["cause"] == "stopped"
    posted = [row["part_id"] for post in web.posts for row in post.json()["verdicts"]]
    assert list(dict.fromkeys(posted)) == parts


def states(journal: Path, part: str) -> list[str]:
    """Return the states of a component of the line in the journal."""
    try:
        reported = [event["detail"] for event in read_events(journal, kind="state")]
    except JournalError:  # it is only just being made
        return []
    return [each["state"] for each in reported if each["part"] == part]


def test_a_line_whose_receivers_are_gone_says_so_once(tmp_path: Path, model_path: Path) -> None:
    """The PLC is asked four times: after 0.25 to 0.5 s, 0.5 to 1 s and 1 to 2 s."""
    (tmp_path / "parts").mkdir()
    journal = tmp_path / "journal.db"
    wires = CONFIG.replace('kind = "http"\nport = {trigger}', 'kind = "frame"')
    with refusing() as asked:
        config = wires.format(mqtt=free_port(), url="http://127.0.0.1:9/", modbus=asked.port)
        config += "[source.folder]\nwatch = true\n[health]\nenabled = false\n"
        with watching(tmp_path, model_path, config) as line:
            until(lambda: asked.count >= 4, "the PLC should be asked again and again")
            line.send_signal(signal.SIGTERM)
            assert line.wait(DEADLINE_S) == 0
    assert states(journal, "sink modbus") == ["unreachable"]
    assert states(journal, "sink mqtt") == ["unreachable"]
    assert states(journal, "sink webhook") == ["idle"]
    assert "is away" not in (tmp_path / "log").read_text()


@dataclass
class Asked:
    """Port that hangs up on everybody, and how often it was asked."""

    port: int
    count: int = 0


@contextlib.contextmanager
def refusing() -> Iterator[Asked]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = Asked(server.getsockname()[1])

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()
                    asked.count += 1

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        yield asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join(DEADLINE_S)
