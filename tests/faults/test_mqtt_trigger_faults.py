"""Triggers by a real mosquitto with outages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from tests.servers.mosquitto import Mosquitto, run_mosquitto
from tests.servers.process import DEADLINE_S, until

from partsight.config.trigger import MqttTriggerConfig
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.mqtt import mqtt_listener
from partsight.triggers.trigger_queue import TriggerQueue


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with run_mosquitto(tmp_path) as broker:
        yield broker


def config_for(port: int, **changes: Any) -> MqttTriggerConfig:
    given = {"topic": "line1/trigger", **changes}
    return MqttTriggerConfig(kind="mqtt", host="127.0.0.1", port=port, **given)


def publish(port: int, *payloads: bytes, retain: bool = False) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for payload in payloads:
        client.publish("line1/trigger", payload, qos=1, retain=retain).wait_for_publish(DEADLINE_S)
    client.disconnect()
    client.loop_stop()


def await_state(telemetry: Telemetry, name: str) -> None:
    def reached() -> bool:
        state = telemetry.states().get("trigger")
        return state is not None and state.name == name

    until(reached, f"the trigger should be {name}")


def take(trigger_queue: TriggerQueue, count: int) -> list[str | None]:
    taken = [trigger_queue.take(DEADLINE_S) for _ in range(count)]
    assert None not in taken
    assert trigger_queue.take(0.0) is None
    return [each.trigger_event.part_id for each in taken]


def test_a_message_is_a_trigger_event(broker: Mosquitto) -> None:
    trigger_queue, telemetry = TriggerQueue("mqtt", 8), Telemetry()
    with mqtt_listener(config_for(broker.port), trigger_queue, telemetry):
        await_state(telemetry, "listening")
        publish(broker.port, b"A-17", b'{"part_id": "A-18"}', b"", b"\xff", b"{")
        assert take(trigger_queue, 5) == ["A-17", "A-18", None, None, None]


def test_a_message_without_an_id_is_a_part_and_is_reported(broker: Mosquitto) -> None:
    trigger_queue, telemetry = TriggerQueue("mqtt", 8), Telemetry()
    with mqtt_listener(config_for(broker.port), trigger_queue, telemetry):
        await_state(telemetry, "listening")
        publish(broker.port, b'"SN-1"', b'{"partId": "SN-2"}', b'{"station": 4}')
        assert take(trigger_queue, 3) == ["SN-1", "SN-2", None]
    state = telemetry.states()["part ids"]
    assert state.name == "missing"
    assert "Trigger: '{\"station\": 4}'" in state.detail
    assert telemetry.values()["part_ids_missing", "absent"] == 1


def test_old_messages_are_no_events(broker: Mosquitto) -> None:
    trigger_queue = TriggerQueue("mqtt", 8)
    publish(broker.port, b"retained", retain=True)
    for part in (b"first", b"second"):
        telemetry = Telemetry()  # the state of the stopped listener would count as that of the next
        with mqtt_listener(config_for(broker.port), trigger_queue, telemetry):
            await_state(telemetry, "listening")
            publish(broker.port, part)
            assert take(trigger_queue, 1) == [part.decode()]
        publish(broker.port, b"while we were away")


def test_a_killed_broker_is_found_again(broker: Mosquitto) -> None:
    trigger_queue, telemetry = TriggerQueue("mqtt", 8), Telemetry()
    with mqtt_listener(config_for(broker.port), trigger_queue, telemetry):
        await_state(telemetry, "listening")
        broker.kill()
        await_state(telemetry, "disconnected")
        broker.start()
        await_state(telemetry, "listening")
        publish(broker.port, b"A-17")
        assert take(trigger_queue, 1) == ["A-17"]


def test_a_broker_may_start_later(broker: Mosquitto) -> None:
    broker.kill()
    trigger_queue, telemetry = TriggerQueue("mqtt", 8), Telemetry()
    with mqtt_listener(config_for(broker.port), trigger_queue, telemetry):
        await_state(telemetry, "disconnected")
        broker.start()
        await_state(telemetry, "listening")


def test_a_refused_login_is_reported(tmp_path: Path) -> None:
    with run_mosquitto(tmp_path, ["allow_anonymous false"]) as broker:
        telemetry = Telemetry()
        with mqtt_listener(config_for(broker.port), TriggerQueue("mqtt", 8), telemetry):
            await_state(telemetry, "refused")
        assert "Not authorized" in telemetry.states()["trigger"].detail


def test_an_ordinary_stop_is_no_fault(broker: Mosquitto) -> None:
    telemetry = Telemetry()
    with mqtt_listener(config_for(broker.port), TriggerQueue("mqtt", 8), telemetry):
        await_state(telemetry, "listening")
    assert telemetry.states()["trigger"].name == "listening"
