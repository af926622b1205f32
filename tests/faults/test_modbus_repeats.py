"""A PLC sees each verdict once, wherever the connection breaks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.servers.cutting_proxy import Cut, CuttingProxy, run_cutting_proxy
from tests.servers.modbus import PlcServer, run_plc
from tests.servers.process import until

from partsight.config.network_sinks import ModbusSinkConfig
from partsight.errors import SinkUnavailable
from partsight.journal import Journal
from partsight.journal.tail import Tail
from partsight.sinks.cursor import Cursor
from partsight.sinks.delivery import Delivery
from partsight.sinks.journal_reader import cursor_path
from partsight.sinks.modbus import ModbusSink, Tally
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.wall_clock import utc_now

COILS, REGISTERS, SEQUENCE = 8, 20, 28
WRITE_COILS, WRITE_REGISTERS = 15, 16
VERDICTS = ["accept", "reject", "accept", "reject"]


@pytest.fixture
def plc() -> Iterator[PlcServer]:
    with run_plc() as plc:
        yield plc


@pytest.fixture
def proxy(plc: PlcServer) -> Iterator[CuttingProxy]:
    with run_cutting_proxy(plc.port) as proxy:
        yield proxy


def make_sink(port: int, tally: Tally, **changes: Any) -> ModbusSink:
    given = {"coils": COILS, "registers": REGISTERS, "hold_s": 0.0, "timeout_s": 5.0, **changes}
    config = ModbusSinkConfig(kind="modbus", host="127.0.0.1", port=port, **given)
    return ModbusSink(config, tally)


def sequences(plc: PlcServer) -> list[int]:
    """The sequence of each write of registers."""
    return [words[9] for code, _, words in plc.writes if code == WRITE_REGISTERS]


def moves(plc: PlcServer) -> list[list[int]]:
    """Each change of the three coils of the verdict."""
    values = [values for code, at, values in plc.writes if (code, at) == (WRITE_COILS, COILS)]
    return [value for value, _ in itertools.groupby(values)]


def deliver_all(
    journal: Journal, telemetry: Telemetry, open_sink: Callable[[], ModbusSink]
) -> Delivery:
    """Deliver the whole journal, retrying without waiting."""
    now_s = itertools.count(100.0, 1000.0)  # each retry is due
    delivery = Delivery(
        "plc",
        open_sink,
        Tail(journal.path),
        Cursor(cursor_path(journal.path, "plc")),
        telemetry,
        journal.event,
        start="beginning",
        clock=lambda: next(now_s),
        jitter=lambda: 0.0,
    )
    until(
        lambda: delivery.step() is False and delivery.reader.position == 4,
        "all rows should be taken",
    )
    return delivery


@pytest.mark.parametrize("lost", ["request", "answer"])
@pytest.mark.parametrize("number", range(1, 14))
def test_a_broken_connection_repeats_no_verdict(
    number: int, lost: Cut, plc: PlcServer, proxy: CuttingProxy, tmp_path: Path
) -> None:
    """Wherever it breaks: in the coils, the registers, or the heartbeat between two verdicts."""
    tally, telemetry = Tally(), Telemetry()
    proxy.cuts = {number: lost}
    with Journal(tmp_path / "journal.db") as journal:
        for at, verdict in enumerate(VERDICTS):
            columns = row(at, verdict)
            del columns["seq"]
            journal.append({**columns, "reason": ""})
        delivery = deliver_all(journal, telemetry, lambda: make_sink(proxy.port, tally))
        delivery.close()

    assert telemetry.values()["delivery_failures", "plc"] == 1
    assert sequences(plc) == [1, 2, 3, 4]
    assert moves(plc) == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]]
    assert tally.counts == {"accept": 2, "reject": 2, "review": 0, "late": 0}
    assert telemetry.values()["delivered", "plc"] == 4


def row(seq: int, verdict: str, id: str | None = None) -> dict[str, Any]:
    now = utc_now().isoformat()
    return {"seq": seq, "id": id or f"id-{seq}", "verdict": verdict, "captured_at": now}


@pytest.mark.parametrize(
    ("seq", "verdict", "writes"),
    [(7, "accept", 0), (7, "reject", 2), (8, "accept", 2), (1, "accept", 2)],
    ids=["taken", "another journal", "the next", "a new journal"],
)
def test_after_a_kill_the_plc_tells_what_it_has_taken(
    seq: int, verdict: str, writes: int, plc: PlcServer
) -> None:
    with make_sink(plc.port, Tally()) as killed:
        killed.deliver([row(7, "accept")])
    plc.writes.clear()
    with make_sink(plc.port, Tally()) as sink:  # of the next process, without its cursor
        assert sink.deliver([row(seq, verdict)]) == 1
    assert len(plc.writes) == writes


def test_the_same_sequence_of_another_journal_is_shown(plc: PlcServer) -> None:
    with make_sink(plc.port, Tally()) as sink:
        sink.deliver([row(1, "accept", "old")])
        sink.deliver([row(1, "accept", "new")])
    assert sequences(plc) == [1, 1]


def test_a_taken_verdict_is_not_shown_again_while_its_echo_is_awaited(plc: PlcServer) -> None:
    tally = Tally()
    config = {"handshake": True, "timeout_s": 0.1}
    with make_sink(plc.port, tally, **config) as sink, pytest.raises(SinkUnavailable):
        sink.deliver([row(1, "accept")])
    plc.echo = (SEQUENCE, SEQUENCE + 2)
    with make_sink(plc.port, tally, **config) as sink:
        sink.deliver([row(1, "accept")])
    assert sequences(plc) == [1]


def test_a_plc_that_restarted_is_shown_the_verdict_again(plc: PlcServer) -> None:
    tally = Tally()
    with make_sink(plc.port, tally) as sink:
        sink.deliver([row(1, "accept")])
    plc.stop()
    plc.start()
    with make_sink(plc.port, tally) as sink:
        sink.deliver([row(1, "accept")])
    assert sequences(plc) == [1, 1]
    assert plc.coils(COILS, 1) == [True]


@pytest.mark.parametrize("taken", [False, True])
def test_a_verdict_that_becomes_late_before_it_is_confirmed_is_counted_as_late_unless_shown(
    plc: PlcServer, taken: bool
) -> None:
    tally, later = Tally(), [timedelta(0)]
    config = ModbusSinkConfig(
        kind="modbus", host="127.0.0.1", port=plc.port, coils=COILS, registers=REGISTERS, hold_s=0.0
    )
    with ModbusSink(config, tally, now=lambda: utc_now() + later[0]) as sink:
        if taken:
            sink.deliver([row(1, "accept")])
        else:
            plc.stop()
            with pytest.raises(SinkUnavailable):
                sink.deliver([row(1, "accept")])
            plc.start()
        later[0] = timedelta(hours=1)
        sink.deliver([row(1, "accept")])
    assert tally.counts == {"accept": 1, "reject": 0, "review": 0, "late": int(not taken)}
