"""Triggers by a coil of a real Modbus server with outages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.modbus import PlcServer, run_plc
from tests.servers.process import DEADLINE_S, until

from partsight.config.trigger import ModbusTriggerConfig
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.modbus import bytes_of, modbus_listener, text_of
from partsight.triggers.trigger_queue import TriggerQueue

COIL, PART_ID = 5, 10


@pytest.fixture
def plc() -> Iterator[PlcServer]:
    with run_plc() as plc:
        yield plc


def config_for(port: int, **changes: Any) -> ModbusTriggerConfig:
    given = {"coil": COIL, "poll_s": 0.002, **changes}
    return ModbusTriggerConfig(kind="modbus", host="127.0.0.1", port=port, **given)


def looked_at(plc: PlcServer) -> None:
    """Wait until the coil was read from now on, whole."""
    seen = plc.reads
    until(lambda: plc.reads >= seen + 2, "the coil should be looked at")


def words(text: bytes) -> list[int]:
    padded = text + b"\0" * (len(text) % 2)
    return [high << 8 | low for high, low in zip(padded[::2], padded[1::2], strict=True)]


def take(trigger_queue: TriggerQueue) -> str | None:
    taken = trigger_queue.take(DEADLINE_S)
    assert taken is not None
    return taken.trigger_event.part_id


def test_each_change_of_the_coil_to_on_is_an_event(plc: PlcServer) -> None:
    trigger_queue = TriggerQueue("modbus", 8)
    with modbus_listener(config_for(plc.port), trigger_queue, Telemetry()):
        looked_at(plc)
        for _ in range(3):
            plc.set_coil(COIL, True)
            assert take(trigger_queue) is None
            looked_at(plc)
            assert trigger_queue.take(0.0) is None
            plc.set_coil(COIL, False)
            looked_at(plc)
    assert trigger_queue.take(0.0) is None


def test_a_coil_that_is_on_at_the_start_is_no_event(plc: PlcServer) -> None:
    plc.set_coil(COIL, True)
    trigger_queue = TriggerQueue("modbus", 8)
    with modbus_listener(config_for(plc.port), trigger_queue, Telemetry()):
        looked_at(plc)
        assert trigger_queue.take(0.0) is None


def test_with_reset_the_coil_is_a_request_that_we_put_off(plc: PlcServer) -> None:
    plc.set_coil(COIL, True)
    trigger_queue = TriggerQueue("modbus", 8)
    with modbus_listener(config_for(plc.port, reset=True), trigger_queue, Telemetry()):
        for _ in range(3):
            assert take(trigger_queue) is None
            until(lambda: plc.coils(COIL, 1) == [False], "the coil should be put off")
            plc.set_coil(COIL, True)
        assert take(trigger_queue) is None


@pytest.mark.parametrize(
    ("text", "part_id"),
    [
        (b"A-17", "A-17"),
        (b"A-170", "A-170"),
        (b"A-17    ", "A-17"),
        (b"", None),
        (b"\xff\xfe", None),
        (b"A\x07", None),
    ],
)
def test_the_part_id_stands_in_registers(text: bytes, part_id: str | None, plc: PlcServer) -> None:
    plc.set_registers(PART_ID, [*words(text), 0])
    trigger_queue = TriggerQueue("modbus", 8)
    config = config_for(plc.port, part_id_register=PART_ID, part_id_words=8)
    with modbus_listener(config, trigger_queue, Telemetry()):
        looked_at(plc)
        plc.set_coil(COIL, True)
        assert take(trigger_queue) == part_id


def test_a_lost_plc_is_found_again(plc: PlcServer) -> None:
    trigger_queue, telemetry = TriggerQueue("modbus", 8), Telemetry()

    def is_state(name: str) -> bool:
        return "trigger" in telemetry.states() and telemetry.states()["trigger"].name == name

    with modbus_listener(config_for(plc.port), trigger_queue, telemetry):
        until(lambda: is_state("listening"), "the trigger should listen")
        plc.stop()
        until(lambda: is_state("disconnected"), "the trigger should know")
        plc.start()
        until(lambda: is_state("listening"), "the trigger should listen again")
        looked_at(plc)
        plc.set_coil(COIL, True)
        assert take(trigger_queue) is None


def test_a_missing_coil_is_reported(plc: PlcServer) -> None:
    trigger_queue, telemetry = TriggerQueue("modbus", 8), Telemetry()
    with modbus_listener(config_for(plc.port, coil=5000), trigger_queue, telemetry):
        until(lambda: "trigger" in telemetry.states(), "the trigger should say so")
    state = telemetry.states()["trigger"]
    assert state.name == "disconnected"
    assert "refuses read_coils(5000) with exception 2; check unit and addresses" in state.detail


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60))
def test_letters_come_back_from_registers(text: str) -> None:
    assert text_of(bytes_of(words(text.encode()))) == text
