"""A real mosquitto on loopback that a test starts, kills and starts again."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.servers.process import DEADLINE_S, find_program, free_port, listening, until

__all__ = ["Listener", "Mosquitto", "listen", "run_mosquitto"]


class Mosquitto:
    """A broker that can be killed and started; sessions and retained messages outlive it."""

    def __init__(self, folder: Path, lines: Sequence[str] = ("allow_anonymous true",)) -> None:
        self.port = free_port()
        self._program = find_program("mosquitto", "mosquitto")
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            "\n".join(
                [
                    f"listener {self.port} 127.0.0.1",
                    "persistence true",
                    f"persistence_location {folder}/",
                    "autosave_on_changes true",
                    "autosave_interval 1",
                    # As root it would give up its rights, and so its files.
                    "user root",
                    *lines,
                    "",
                ]
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._config)], stdout=log, stderr=log
            )
        process = self._process
        until(lambda: listening(self.port) or process.poll() is not None, "mosquitto should listen")
        assert process.poll() is None, self._log.read_text()

    def save(self, topic: str) -> None:
        """Have it remember a subscription beyond its death: it writes them only now and then."""
        database = self._config.with_name("mosquitto.db")

        def saved() -> bool:
            self._signal(signal.SIGUSR1)
            return database.exists() and topic.encode() in database.read_bytes()

        until(saved, f"mosquitto should save who listens to {topic}")

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)
            self._process = None

    def pause(self) -> None:
        """Let it hang: connections stay, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextlib.contextmanager
def run_mosquitto(
    folder: Path, lines: Sequence[str] = ("allow_anonymous true",)
) -> Iterator[Mosquitto]:
    """A started broker with its own configuration, which ends with the block."""
    broker = Mosquitto(folder, lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


class Listener:
    """What a subscriber received: topic, content and message, in the order of arrival."""

    def __init__(self) -> None:
        self.messages: list[paho.MQTTMessage] = []
        self.subscribed = threading.Event()

    def contents(self, topic: str) -> list[Any]:
        """The JSON values that came on a topic."""
        return [json.loads(m.payload) for m in list(self.messages) if m.topic == topic]


@contextlib.contextmanager
def listen(port: int, topic: str = "#", client: paho.Client | None = None) -> Iterator[Listener]:
    """Subscribe to a topic with a session that outlives broken connections."""
    client = client or paho.Client(
        paho.CallbackAPIVersion.VERSION2, client_id="listener", protocol=paho.MQTTv5
    )
    listener = Listener()
    client.on_message = lambda _client, _data, message: listener.messages.append(message)
    client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: listener.subscribed.set()
    client.reconnect_delay_set(0.05, 0.2)
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    client.connect("127.0.0.1", port, keepalive=5, clean_start=False, properties=properties)
    client.loop_start()
    try:
        assert listener.subscribed.wait(DEADLINE_S)
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()
