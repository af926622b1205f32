"""The Modbus sink with a real server, and its outages."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.modbus import PlcServer, run_plc
from tests.servers.process import DEADLINE_S, until

from partsight.config.network_sinks import ModbusSinkConfig
from partsight.connections.modbus import Plc, to_words
from partsight.errors import SinkUnavailable
from partsight.sinks.modbus import ModbusSink, Tally

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
COILS, REGISTERS = 8, 20
WRITE_COILS, WRITE_REGISTERS = 15, 16


@pytest.fixture
def plc() -> Iterator[PlcServer]:
    with run_plc() as plc:
        yield plc


def make_sink(port: int, tally: Tally | None = None, **changes: Any) -> ModbusSink:
    given = {"coils": COILS, "registers": REGISTERS, "hold_s": 0.0, "timeout_s": 5.0, **changes}
    config = ModbusSinkConfig(kind="modbus", host="127.0.0.1", port=port, **given)
    return ModbusSink(config, tally, now=lambda: NOW)


def row(seq: int, verdict: str, age_s: float = 0.0) -> dict[str, Any]:
    captured_at = NOW - timedelta(seconds=age_s)
    return {
        "seq": seq,
        "id": f"id-{seq}",
        "verdict": verdict,
        "captured_at": captured_at.isoformat(),
    }


def deliver(sink: ModbusSink, rows: list[dict[str, Any]]) -> None:
    """Deliver rows one after the other, as the worker does."""
    while rows:
        rows = rows[sink.deliver(rows) :]


def shown(plc: PlcServer) -> tuple[list[bool], list[int]]:
    """The three coils; the four counts and the sequence."""
    words = plc.registers(REGISTERS, 10)
    counts = [high << 16 | low for high, low in zip(words[::2], words[1::2], strict=True)]
    return plc.coils(COILS, 3), counts


def test_coils_come_before_the_sequence(plc: PlcServer) -> None:
    with make_sink(plc.port) as sink:
        deliver(sink, [row(70_000, "accept"), row(70_001, "reject")])

    assert plc.writes == [
        (WRITE_COILS, COILS, [1, 0, 0]),
        (WRITE_REGISTERS, REGISTERS, [0, 1, 0, 0, 0, 0, 0, 0, 1, 70_000 - 65_536]),
        (WRITE_COILS, COILS, [0, 1, 0]),
        (WRITE_REGISTERS, REGISTERS, [0, 1, 0, 1, 0, 0, 0, 0, 1, 70_001 - 65_536]),
    ]


@pytest.mark.parametrize(
    ("rows", "coils", "counts"),
    [
        ([row(1, "review")], [False, False, True], [0, 0, 1, 0, 1]),
        ([row(1, "accept"), row(2, "reject", 5.1)], [True, False, False], [1, 1, 0, 1, 1]),
        ([row(1, "accept"), row(2, "reject", 4.9)], [False, True, False], [1, 1, 0, 0, 2]),
        ([row(1, "reject", 9), row(2, "accept")], [True, False, False], [1, 1, 0, 1, 2]),
        ([row(1, "accept", -9)], [False, False, False], [1, 0, 0, 1, 0]),
        ([row(1, "accept", 99)] * 2, [False, False, False], [1, 0, 0, 1, 0]),
    ],
    ids=["review", "late", "in time", "late, then not", "from the future", "late, twice"],
)
def test_a_late_verdict_is_counted_and_moves_nothing(
    rows: list, coils: list, counts: list, plc: PlcServer
) -> None:
    with make_sink(plc.port) as sink:
        deliver(sink, rows)

    assert shown(plc) == (coils, counts)


def test_late_verdicts_are_counted_in_one_request(plc: PlcServer) -> None:
    with make_sink(plc.port) as sink:
        sink.deliver([row(seq, "accept", 60) for seq in range(1, 101)])

    assert len(plc.writes) == 1
    assert shown(plc)[1] == [100, 0, 0, 100, 0]


def test_the_heartbeat_turns_over_with_each_report(plc: PlcServer) -> None:
    beats = []
    with make_sink(plc.port) as sink:
        for alarm in (0.0, 1.0, 0.0):
            sink.report({"alarms": {"reject_rate": alarm}})
            beats.append(plc.coils(COILS + 3, 2))

    assert beats == [[True, False], [False, True], [True, False]]


def test_a_plc_that_was_away_is_found_again_and_nothing_is_counted_twice(plc: PlcServer) -> None:
    tally = Tally()
    with make_sink(plc.port, tally) as sink:
        sink.deliver([row(1, "accept")])
        plc.stop()
        for act in (lambda: sink.deliver([row(2, "reject")]), lambda: sink.report({})):
            with pytest.raises(SinkUnavailable, match=f"PLC 127.0.0.1:{plc.port}, unit 1: no ans"):
                act()
        plc.start()
        deliver(sink, [row(2, "reject"), row(3, "accept")])
    with make_sink(plc.port, tally) as other:
        deliver(other, [row(4, "accept")])

    assert shown(plc) == ([True, False, False], [3, 1, 0, 0, 4])


def test_an_address_that_the_plc_lacks_is_named_and_tried_slowly(plc: PlcServer) -> None:
    refused = pytest.raises(SinkUnavailable, match="refuses write_registers.*exception 2")
    with make_sink(plc.port, registers=1000) as sink, refused as caught:
        sink.deliver([row(1, "accept")])
    assert caught.value.retry_after_s == 30.0


@contextlib.contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """A server that answers each request, and then ends the connection; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(answer(connection.recv(300)))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE_S)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["none", "HTTP"])
def test_who_is_no_plc_is_given_up(answer: bytes) -> None:
    with answering(lambda _: answer) as port:
        sink = make_sink(port, timeout_s=0.1)
        with sink, pytest.raises(SinkUnavailable, match="no answer"):
            sink.deliver([row(1, "accept")])


@pytest.mark.parametrize(
    "reported",
    [
        "",
        "01",
        "0100",
        "0300",
        "03020001",
        "030400010002",
        "81",
        "8302",
        "0f",
        "10",
        "2b",
        "ff" * 9,
    ],
)
def test_a_wrong_answer_is_no_answer(reported: str) -> None:
    def answer(request: bytes) -> bytes:
        body = request[6:7] + bytes.fromhex(reported)
        return request[:4] + len(body).to_bytes(2, "big") + body

    with answering(answer) as port, Plc("127.0.0.1", port, 1, 0.1) as plc:
        with pytest.raises(SinkUnavailable, match="PLC"):
            plc.read_coil(3)
        with pytest.raises(SinkUnavailable, match="PLC"):
            plc.read_registers(3, 4)


def test_a_verdict_stands_for_a_while(plc: PlcServer) -> None:
    time_s = 100.0
    pauses = []

    def sleep(pause_s: float) -> None:
        nonlocal time_s
        pauses.append(pause_s)
        time_s += pause_s

    config = ModbusSinkConfig(kind="modbus", host="127.0.0.1", port=plc.port, hold_s=0.25)
    with ModbusSink(config, now=lambda: NOW, clock=lambda: time_s, sleep=sleep) as sink:
        deliver(sink, [row(1, "accept"), row(2, "accept")])
        time_s += 0.2
        sink.deliver([row(3, "accept")])
        time_s += 0.3
        sink.deliver([row(4, "accept")])

    assert pauses == pytest.approx([0.25, 0.05])


def test_with_handshake_the_echo_is_waited_for(plc: PlcServer) -> None:
    with make_sink(plc.port, handshake=True, timeout_s=0.2) as sink:
        with pytest.raises(SinkUnavailable, match=r"did not take verdict 1 .*30 and 31.*\[0, 0\]"):
            deliver(sink, [row(1, "accept"), row(2, "reject")])
        assert shown(plc) == ([True, False, False], [1, 0, 0, 0, 1])
        plc.echo = (REGISTERS + 8, REGISTERS + 10)
        deliver(sink, [row(1, "accept"), row(2, "reject")])

    until(lambda: plc.registers(REGISTERS + 10, 2) == [0, 2], "the echo should be there")
    assert shown(plc) == ([False, True, False], [1, 1, 0, 0, 2])


@given(st.integers(0, 2**32 - 1))
def test_a_count_is_two_words_high_word_first(value: int) -> None:
    high, low = to_words(value)
    assert high << 16 | low == value
    assert to_words(value + 2**32) == [high, low]
