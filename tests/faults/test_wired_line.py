"""The whole line on its wires: told of parts by HTTP, and heard by a broker, a server and a PLC."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers.modbus import run_plc
from tests.servers.mosquitto import listen, run_mosquitto
from tests.servers.process import DEADLINE_S, free_port, until
from tests.servers.web import run_web_server

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

            def told() -> list[str]:
                return [row["part_id"] for row in listener.contents("line1/verdicts")]

            for part in parts[:4]:
                until(lambda part=part: alive(trigger(port, part)), "the line should listen")
            until(lambda: alive(told() == parts[:4]), "the broker should be told")
            broker.save("line1/#")
            broker.kill()
            plc.stop()
            for part in parts[4:7]:
                assert trigger(port, part)
            plc.start()
            broker.start()
            for part in parts[7:]:
                assert trigger(port, part)
            until(lambda: alive(list(dict.fromkeys(told())) == parts), "the broker should know all")
            until(lambda: alive(sum(plc.registers(0, 6)) == 10), "the PLC should count all")
            line.send_signal(signal.SIGTERM)
            line.wait(DEADLINE_S)
        until(
            lambda: (
                [told["state"] for told in listener.contents("line1/status")][-1:] == ["offline"]
            ),
            "it should part from the broker",
        )

    assert listener.contents("line1/status")[-1]["cause"] == "stopped"
    posted = [row["part_id"] for post in web.posts for row in post.json()["verdicts"]]
    assert list(dict.fromkeys(posted)) == parts
