"""Lines of a terminal, a pipe and a barcode reader as triggers."""

from __future__ import annotations

import contextlib
import os
import pty
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.process import until

from partsight.config.trigger import KeyTriggerConfig
from partsight.errors import ConfigError
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.key import key_listener
from partsight.triggers.trigger_queue import TriggerQueue


@contextlib.contextmanager
def stdin_from(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with os.fdopen(descriptor) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield


def parts_of(trigger_queue: TriggerQueue) -> list[str | None]:
    """All until the end."""
    taken = []
    until(lambda: _drain(trigger_queue, taken) or trigger_queue.ended, "the input should end")
    return taken


def _drain(trigger_queue: TriggerQueue, taken: list) -> None:
    while (each := trigger_queue.take(0.0)) is not None:
        taken.append(each.trigger_event.part_id)


@pytest.mark.parametrize(
    ("chunks", "parts"),
    [
        ([b"\n"], [None]),
        ([b"A-17\n"], ["A-17"]),
        ([b"A\nB\n\nC\n"], ["A", "B", None, "C"]),
        ([b"A-", b"17", b"\n"], ["A-17"]),
        ([b"A\nB"], ["A", "B"]),
        ([], []),
        ([b"\xff\n"], [None]),
        ([b"x" * 10_000, b"\n"], [None]),
        ([b'"SN-1"\n', b'{"sn": "SN-2"}\n', b"null\n", b"{\n"], ["SN-1", "SN-2", None, None]),
    ],
)
def test_a_line_is_an_event_and_the_end_of_input_ends_the_trigger(
    chunks: list, parts: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_queue = TriggerQueue("key", 8)
    ours, theirs = os.pipe()
    with (
        stdin_from(ours, monkeypatch),
        key_listener(KeyTriggerConfig(kind="key"), trigger_queue, Telemetry()),
    ):
        for chunk in chunks:
            os.write(theirs, chunk)
        os.close(theirs)
        assert parts_of(trigger_queue) == parts


def test_a_terminal_that_waits_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard, terminal = pty.openpty()
    trigger_queue = TriggerQueue("key", 8)
    config = KeyTriggerConfig(kind="key")
    with stdin_from(terminal, monkeypatch), key_listener(config, trigger_queue, Telemetry()):
        os.write(keyboard, b"A-17\r")
        taken = trigger_queue.take(30)
    os.close(keyboard)

    assert taken is not None
    assert taken.trigger_event.part_id == "A-17"


@pytest.mark.parametrize("ending", [b"\r", b"\n", b"\r\n"])
def test_any_line_ending_of_a_barcode_reader_is_accepted(ending: bytes) -> None:
    wire, device = pty.openpty()
    trigger_queue, telemetry = TriggerQueue("key", 8), Telemetry()
    config = KeyTriggerConfig(kind="key", device=Path(os.ttyname(device)))
    with key_listener(config, trigger_queue, telemetry):
        until(lambda: "trigger" in telemetry.states(), "the reader should be listened to")
        for code in (b"A1", b"A2"):
            for each in (code, ending):
                os.write(wire, each)
        taken = [trigger_queue.take(30), trigger_queue.take(30)]
        os.set_blocking(wire, False)
        with pytest.raises(BlockingIOError):
            os.read(wire, 1)  # nothing is sent back to the reader
    os.close(device)
    os.close(wire)

    assert [each and each.trigger_event.part_id for each in taken] == ["A1", "A2"]
    assert trigger_queue.take(0.0) is None


def test_an_unplugged_barcode_reader_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partsight.triggers.key._RETRY_S", 0.01)
    plug = tmp_path / "ttyACM0"
    trigger_queue, telemetry = TriggerQueue("key", 8), Telemetry()

    def await_state(name: str) -> None:
        until(lambda: telemetry.states()["trigger"].name == name, f"it should be {name}")

    telemetry.state("trigger", "starting")
    with key_listener(KeyTriggerConfig(kind="key", device=plug), trigger_queue, telemetry):
        await_state("disconnected")
        assert "No such file" in telemetry.states()["trigger"].detail
        for code in (b"A1", b"A2"):
            wire, device = pty.openpty()
            plug.symlink_to(os.ttyname(device))
            await_state("listening")
            os.write(wire, code + b"\r")
            taken = trigger_queue.take(30)
            assert taken is not None
            assert taken.trigger_event.part_id == code.decode()
            plug.unlink()
            os.close(device)
            os.close(wire)
            await_state("disconnected")
        assert not trigger_queue.ended


def test_a_service_without_stdin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    named = pytest.raises(
        ConfigError, match="cannot read triggers from stdin: this process has none"
    )
    with named, key_listener(KeyTriggerConfig(kind="key"), TriggerQueue("key", 1), Telemetry()):
        pass


def test_a_device_that_ends_at_once_is_never_listened_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That it can be opened, again and again, shows nothing."""
    monkeypatch.setattr("partsight.triggers.key._RETRY_S", 0.001)
    states: list[str] = []
    tries, opened = threading.Semaphore(0), os.open

    def counted(path: Path, flags: int) -> int:
        tries.release()
        return opened(path, flags)

    monkeypatch.setattr("partsight.triggers.key.os.open", counted)
    telemetry = Telemetry()
    telemetry.on_change(lambda part, state: states.append(state.name))
    config = KeyTriggerConfig(kind="key", device=Path(os.devnull))
    with key_listener(config, TriggerQueue("key", 8), telemetry):
        for _ in range(5):
            assert tries.acquire(timeout=30)
    assert states == ["disconnected"]
