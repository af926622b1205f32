"""Delivery to a sink at least once and in order, with simulated time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from partsight.errors import EnvironmentFault, SinkClosed, SinkUnavailable
from partsight.journal import Journal
from partsight.journal.tail import Tail
from partsight.results.base import Row
from partsight.sinks.cursor import Cursor
from partsight.sinks.delivery import BATCH_ROWS, Delivery
from partsight.sinks.journal_reader import cursor_path
from partsight.telemetry.announcements import SINK_BURST
from partsight.telemetry.telemetry import Change, Telemetry


class FakeSink:
    """Does what its script says for each delivery: None takes, an exception is raised.

    Reports are confirmed, unless ``reporting`` is an exception to raise, or False.
    """

    def __init__(self, script: Sequence[Exception | None] = ()) -> None:
        self.script = iter(script)
        self.reporting: Exception | bool = True
        self.rows: list[Row] = []
        self.reports: list[Mapping[str, Any]] = []
        self.calls: list[str] = []

    def __enter__(self) -> FakeSink:
        self.calls.append("open")
        return self

    def __exit__(self, *raised: object) -> None:
        self.calls.append("close")

    def deliver(self, rows: Sequence[Row]) -> int:
        error = next(self.script, None)
        if error is not None:
            raise error
        self.rows.extend(rows)
        return len(rows)

    def report(self, status: Mapping[str, Any]) -> bool:
        if isinstance(self.reporting, Exception):
            raise self.reporting
        self.reports.append(status)
        return self.reporting


class Bench:
    """A journal, a sink and a delivery between them, with a clock set by hand."""

    def __init__(self, path: Path, make_row: Callable[..., dict[str, Any]]) -> None:
        self.path, self.make_row = path, make_row
        self.journal = Journal(path)
        # The disk is not tested here: thousands of rows need not wait for it.
        self.journal._store.run(lambda connection: connection.execute("PRAGMA synchronous=OFF"))
        self.now_s, self.sink = 100.0, FakeSink()
        self.telemetry = Telemetry(clock=lambda: self.now_s)
        self.reported: list[Change] = []
        self.telemetry.on_announced(self.reported.append)

    def append(self, count: int) -> None:
        for number in range(count):
            self.journal.append(self.make_row(number))

    def delivery(self, name: str = "plc", **options: Any) -> Delivery:
        return Delivery(
            name,
            options.pop("open_sink", lambda: self.sink),
            Tail(self.path),
            Cursor(cursor_path(self.path, name)),
            self.telemetry,
            self.journal.event,
            start=options.pop("start", "end"),
            clock=lambda: self.now_s,
            jitter=options.pop("jitter", lambda: 1.0),
            **options,
        )

    @property
    def state(self) -> str:
        return self.telemetry.states()["sink plc"].name

    def run(
        self, delivery: Delivery, seconds: float, each: Callable[[], None] = lambda: None
    ) -> None:
        """Step the delivery as its worker does, four times a second."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            each()
            run_out(delivery)
            self.now_s += delivery.retry_in_s or 0.25

    def seqs(self) -> list[int]:
        return [row["seq"] for row in self.sink.rows]

    def value(self, name: str) -> float:
        return self.telemetry.values()[name, "plc"]


@pytest.fixture
def bench(tmp_path: Path, make_row) -> Iterator[Bench]:
    bench = Bench(tmp_path / "journal.db", make_row)
    yield bench
    bench.journal.close()


def run_out(delivery: Delivery) -> None:
    while delivery.step():
        pass


@pytest.mark.parametrize(("start", "first"), [("beginning", 1), ("end", 4)])
def test_where_a_new_sink_begins(bench: Bench, start: str, first: int) -> None:
    bench.append(3)
    delivery = bench.delivery(start=start)
    bench.append(2)
    run_out(delivery)

    assert bench.seqs() == list(range(first, 6))
    assert delivery.reader.position == 5
    assert bench.sink.rows[-1] == {"seq": 5, **bench.make_row(1)}
    assert bench.value("delivered") == 6 - first
    assert bench.telemetry.states()["sink plc"].name == "delivering"


def test_a_sink_continues_from_its_cursor(bench: Bench) -> None:
    first = bench.delivery()
    bench.append(3)
    run_out(first)
    first.close()
    bench.append(2)
    # The name, not the option, says where: it is known by now.
    second = bench.delivery(start="beginning")
    run_out(second)

    assert bench.seqs() == [1, 2, 3, 4, 5]
    assert bench.sink.calls == ["open", "close", "open"]


def test_each_name_has_its_cursor(bench: Bench) -> None:
    bench.append(2)
    run_out(bench.delivery("a/b", start="beginning"))
    run_out(bench.delivery("a%2Fb", start="beginning"))

    assert bench.seqs() == [1, 2, 1, 2]


def test_a_sink_gets_all_rows_after_an_outage(bench: Bench) -> None:
    """5,000 rows while each try fails, and the tries grow rarer."""
    away = SinkUnavailable("the broker is away")
    bench.sink.script = iter([None] + [away] * 1000)
    delivery, tries = bench.delivery(), 0
    bench.append(1)
    run_out(delivery)
    bench.append(5000)
    while bench.now_s < 3700:
        assert not delivery.step()
        tries += 1
        bench.now_s += delivery.retry_in_s
    assert bench.value("queue") == 5000
    assert bench.value("delivery_failures") == tries
    assert 60 < tries < 80  # half a second at first, a minute in the end
    assert bench.state == "unreachable"
    assert bench.telemetry.states()["sink plc"].detail == "the broker is away"

    bench.sink.script = iter(())
    run_out(delivery)

    assert bench.seqs() == list(range(1, 5002))
    assert bench.value("queue") == 0
    assert bench.telemetry.states()["sink plc"].name == "delivering"
    assert bench.sink.calls.count("open") == tries + 1


def test_failures_are_tried_again_later_each_time(bench: Bench) -> None:
    bench.sink.script = iter([SinkUnavailable("away")] * 10 + [None, SinkUnavailable("again")])
    delivery, waits = bench.delivery(), []
    bench.append(1)
    for _ in range(10):
        delivery.step()
        waits.append(delivery.retry_in_s)
        assert not delivery.step()  # too early: nothing is tried
        bench.now_s += delivery.retry_in_s
    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    run_out(delivery)
    bench.append(1)
    delivery.step()
    assert delivery.retry_in_s == 0.5  # success is remembered


def test_jitter_takes_up_to_half_of_the_wait(bench: Bench) -> None:
    bench.sink.script = iter([SinkUnavailable("away")])
    delivery = bench.delivery(jitter=lambda: 0.0)
    bench.append(1)
    delivery.step()
    assert delivery.retry_in_s == 0.25


@pytest.mark.parametrize("error", [RuntimeError("bug"), OSError("odd")])
def test_every_error_of_a_sink_is_counted_reported_and_retried(
    bench: Bench, error: Exception
) -> None:
    bench.sink.script = iter([error])
    delivery = bench.delivery()
    bench.append(2)
    assert not delivery.step()
    state = bench.telemetry.states()["sink plc"]
    assert (state.name, state.detail) == ("faulty", f"{type(error).__name__}: {error}")
    assert bench.value("delivery_failures") == 1

    bench.now_s += delivery.retry_in_s
    run_out(delivery)
    assert bench.seqs() == [1, 2]


def test_a_sink_that_cannot_be_opened_is_opened_later(bench: Bench) -> None:
    tries = iter([SinkUnavailable("refused"), ValueError("no such host")])

    def open_sink() -> FakeSink:
        for error in tries:
            raise error
        return bench.sink

    delivery = bench.delivery(open_sink=open_sink)
    bench.append(1)
    for expected in ("unreachable", "faulty"):
        delivery.step()
        assert bench.state == expected
        bench.now_s += delivery.retry_in_s
    run_out(delivery)
    assert bench.seqs() == [1]


def test_a_sink_that_cannot_be_closed_is_left(bench: Bench) -> None:
    class Stubborn(FakeSink):
        def __exit__(self, *raised: object) -> None:
            raise RuntimeError("no")

    bench.sink = Stubborn([SinkUnavailable("away")])
    delivery = bench.delivery()
    bench.append(1)
    delivery.step()
    bench.now_s += 1
    run_out(delivery)
    assert bench.seqs() == [1]
    delivery.close()


def test_rows_come_in_batches(bench: Bench) -> None:
    sizes: list[int] = []
    take = bench.sink.deliver
    bench.sink.deliver = lambda rows: (sizes.append(len(rows)), take(rows))[1]  # type: ignore
    delivery = bench.delivery()
    bench.append(2 * BATCH_ROWS + 7)
    run_out(delivery)
    assert sizes == [BATCH_ROWS, BATCH_ROWS, 7]


def test_the_status_is_reported_about_once_a_second(bench: Bench) -> None:
    """Also where nothing happens, and while rows come."""
    delivery = bench.delivery()
    for _ in range(40):
        bench.append(1)
        delivery.step()
        bench.now_s += 0.125
    assert len(bench.sink.reports) == 5
    assert bench.sink.reports[-1]["delivered"]["plc"] > 30
    assert "sink plc" in bench.sink.reports[-1]["states"]


def test_a_new_journal_after_damage_is_delivered_completely(bench: Bench, tmp_path: Path) -> None:
    delivery = bench.delivery()
    bench.append(3)
    run_out(delivery)
    copy_log = "PRAGMA wal_checkpoint(TRUNCATE)"  # else the log would make good for the damage
    while bench.journal._store.run(lambda connection: connection.execute(copy_log).fetchone())[0]:
        time.sleep(0.001)
    bench.journal._store._drop()
    bench.path.write_bytes(b"\xa5" * 10_000)
    bench.append(2)

    run_out(delivery)
    delivery.close()
    run_out(bench.delivery())

    assert bench.seqs() == [1, 2, 3, 1, 2]


def test_a_journal_that_cannot_be_read_is_tried_again(bench: Bench) -> None:
    delivery = bench.delivery()
    bench.append(1)
    hidden = bench.path.rename(bench.path.with_name("hidden"))
    assert not delivery.step()
    assert bench.telemetry.states()["sink plc"].name == "faulty"
    hidden.rename(bench.path)
    bench.now_s += delivery.retry_in_s
    run_out(delivery)
    assert bench.seqs() == [1]


def test_rows_that_were_pruned_are_passed_over(bench: Bench) -> None:
    delivery = bench.delivery()
    bench.append(5)
    bench.journal.prune(keep_rows=2, delivered=delivery.reader.position)
    run_out(delivery)
    assert bench.seqs() == [1, 2, 3, 4, 5]
    bench.append(3)
    bench.journal.prune(keep_rows=1)  # by somebody who does not ask
    run_out(delivery)
    assert bench.seqs()[5:] == [8]


@pytest.mark.parametrize("torn", [b"", b"\x00" * 128, b"7 abc 99 00000000\n", b"\xff" * 50])
def test_a_torn_cursor_falls_back_to_the_place_before(
    bench: Bench, tmp_path: Path, torn: bytes
) -> None:
    delivery = bench.delivery(batch_rows=1)
    bench.append(6)
    run_out(delivery)
    delivery.close()
    path = cursor_path(bench.path, "plc")
    data = path.read_bytes()
    slots = [data[:128], data[128:]]
    newest = max((0, 1), key=lambda slot: int(slots[slot].split()[0]))
    path.write_bytes(
        data[: newest * 128] + torn + data[newest * 128 + len(torn) :]
        if torn
        else data[: newest * 128] + b" " * 128 + data[(newest + 1) * 128 :]
    )

    run_out(bench.delivery())
    assert bench.seqs() == [1, 2, 3, 4, 5, 6, 6]


@pytest.mark.parametrize("content", [b"", bytes(256), b"rubbish", b"1 abc"])
def test_a_damaged_cursor_is_not_that_of_a_new_sink(
    bench: Bench, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A new sink skips the rows before it; they would be lost to one that has a cursor."""
    delivery = bench.delivery()
    bench.append(2)
    run_out(delivery)
    delivery.close()
    path = cursor_path(bench.path, "plc")
    path.write_bytes(content)
    bench.append(2)
    delivery = bench.delivery()
    bench.append(1)
    run_out(delivery)
    assert bench.seqs() == [1, 2, 1, 2, 3, 4, 5]
    (kept,) = path.parent.glob("plc.damaged-*")
    assert kept.read_bytes() == content
    assert f"is renamed to {kept.name}" in caplog.text


def test_a_cursor_on_a_full_disk_does_not_stop_the_sink(bench: Bench, monkeypatch) -> None:
    delivery = bench.delivery()
    bench.append(2)

    def refuse(*arguments: Any, **options: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(delivery.reader._cursor, "save", refuse)
    run_out(delivery)
    bench.append(1)
    run_out(delivery)
    assert bench.seqs() == [1, 2, 3]


def test_a_restored_older_journal_delivers_new_rows(bench: Bench) -> None:
    bench.append(2)
    bench.journal.close()
    copy = bench.path.read_bytes()
    bench.journal = Journal(bench.path)
    delivery = bench.delivery(start="beginning")
    bench.append(3)
    run_out(delivery)
    delivery.close()
    bench.journal.close()
    bench.path.write_bytes(copy)
    bench.journal = Journal(bench.path)
    delivery = bench.delivery()
    bench.append(1)
    run_out(delivery)
    assert bench.seqs() == [1, 2, 3, 4, 5, 3]


DAY_S = 86_400.0
GONE = SinkUnavailable("no answer")


def reported(bench: Bench) -> list[tuple[str, int]]:
    return [(change.state.name, change.suppressed) for change in bench.reported]


@pytest.mark.parametrize(
    ("reporting", "state"),
    [(False, "idle"), (True, "delivering"), (GONE, "unreachable"), (OSError("odd"), "faulty")],
    ids=["takes no reports", "confirms reports", "does not answer", "fails"],
)
def test_a_sink_without_rows_is_delivering_only_where_a_report_was_confirmed(
    bench: Bench, reporting: Exception | bool, state: str
) -> None:
    bench.sink.reporting = reporting
    bench.run(bench.delivery(), 100)
    assert bench.state == state
    assert reported(bench) == [(state, 0)]


@pytest.mark.parametrize("rows", [0, 1], ids=["reports only", "a row waits"])
def test_a_receiver_gone_for_a_day_is_announced_twice(bench: Bench, rows: int) -> None:
    """Once when it is lost, and once when it is back."""
    bench.sink.reporting = GONE
    bench.sink.script = iter([GONE] * 10_000)
    delivery = bench.delivery()
    bench.append(rows)
    bench.run(delivery, DAY_S)
    assert reported(bench) == [("unreachable", 0)]
    assert 1_400 < bench.value("delivery_failures") < 1_500  # one try per minute

    bench.sink.reporting, bench.sink.script = True, iter(())
    bench.run(delivery, 120)
    assert reported(bench) == [("unreachable", 0), ("delivering", 0)]
    assert bench.seqs() == list(range(1, rows + 1))


def test_a_failed_report_stays_due(bench: Bench) -> None:
    bench.sink.reporting = GONE
    delivery = bench.delivery()
    delivery.step()
    bench.sink.reporting = True
    bench.now_s += delivery.retry_in_s
    delivery.step()
    assert len(bench.sink.reports) == 1
    assert bench.state == "delivering"


def test_an_outage_of_a_sink_without_reports_lasts_until_a_row_is_acknowledged(
    bench: Bench,
) -> None:
    bench.sink.reporting = False
    bench.sink.script = iter([GONE])
    delivery = bench.delivery()
    bench.append(1)
    delivery.step()
    bench.journal.prune(keep_rows=0)  # the row that could have proved it is gone
    bench.run(delivery, 300)
    assert bench.state == "unreachable"
    bench.append(1)
    bench.run(delivery, 61)
    assert bench.state == "delivering"


def test_rows_that_arrive_do_not_hide_reports_that_are_refused(bench: Bench) -> None:
    """Rows come without delay; the state does not alternate."""
    bench.sink.reporting = SinkUnavailable("no such coil")
    delivery = bench.delivery()
    bench.run(delivery, 100, each=lambda: bench.append(1))
    assert len(bench.seqs()) > 100
    assert reported(bench) == [("unreachable", 0)]


def test_a_sink_is_idle_once_it_could_be_opened(bench: Bench) -> None:
    tries = iter([EnvironmentFault("pip install it")] * 5)

    def open_sink() -> FakeSink:
        for error in tries:
            raise error
        return bench.sink

    bench.sink.reporting = False
    bench.run(bench.delivery(open_sink=open_sink), 100)
    assert reported(bench) == [("faulty", 0), ("idle", 0)]
    assert bench.reported[0].state.detail == "pip install it"


def test_rows_for_a_reader_that_left_are_dropped_and_not_counted_as_delivered(
    bench: Bench,
) -> None:
    bench.sink.reporting = False
    bench.sink.script = iter([None] + [SinkClosed("the reader has left")] * 2)
    delivery = bench.delivery()
    for _ in range(3):
        bench.append(1)
        run_out(delivery)
    assert delivery.reader.position == 3
    assert bench.value("delivered") == 1
    assert reported(bench) == [("delivering", 0), ("closed", 0)]


@pytest.mark.parametrize(
    ("asked_s", "wait_s"), [(None, 0.5), (0.0, 0.5), (7.0, 7.0), (600.0, 600.0)]
)
def test_a_retry_after_is_respected(bench: Bench, asked_s: float | None, wait_s: float) -> None:
    bench.sink.script = iter([SinkUnavailable("busy", retry_after_s=asked_s)])
    delivery = bench.delivery()
    bench.append(1)
    delivery.step()
    assert delivery.retry_in_s == wait_s


def test_the_waits_grow_also_where_a_receiver_asks_for_none(bench: Bench) -> None:
    bench.sink.script = iter([SinkUnavailable("busy", retry_after_s=0.0)] * 2000)
    delivery = bench.delivery()
    bench.append(1)
    bench.run(delivery, 3600)
    assert bench.value("delivery_failures") < 80


@pytest.mark.parametrize("error", [GONE, OSError("odd"), None], ids=repr)
def test_a_sink_is_closed_with_the_cause(bench: Bench, error: Exception | None) -> None:
    class Closed(FakeSink):
        def __exit__(self, *raised: object) -> None:
            self.calls.append(raised[1])

    bench.sink = Closed([error])
    delivery = bench.delivery()
    bench.append(1)
    delivery.step()
    delivery.close()
    assert bench.sink.calls == ["open", error]


class Flapping(FakeSink):
    """Confirms every other report."""

    def report(self, status: Mapping[str, Any]) -> bool:
        self.reporting = GONE if self.reporting is True else True
        return super().report(status)


def test_a_flapping_sink_is_announced_about_once_a_minute(bench: Bench) -> None:
    """The states themselves are exact."""
    bench.sink, changes = Flapping(), []
    bench.telemetry.on_change(lambda part, state: changes.append(state.name))
    bench.run(bench.delivery(), 3600)
    assert len(changes) > 2000
    assert len(bench.reported) <= 1 + SINK_BURST + 60
    bench.telemetry.announce_rest()
    assert len(bench.reported) + sum(change.suppressed for change in bench.reported) == len(changes)
    assert bench.reported[-1].state.name == changes[-1]
