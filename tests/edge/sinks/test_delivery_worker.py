"""Threads that deliver to sinks: none blocks the journal or the end of the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from partsight.config.sinks import CsvSinkConfig, JsonLinesSinkConfig
from partsight.errors import OutputError, SinkUnavailable
from partsight.journal import Journal, read_events
from partsight.results.base import Row
from partsight.sinks.delivery_worker import DeliveryWorker, close_workers
from partsight.sinks.journal_reader import cursor_path
from partsight.sinks.open import workers
from partsight.telemetry.telemetry import Telemetry

PATIENCE_S = 30.0


class Collecting:
    """Keeps rows; blocks while ``gate`` is closed."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.reports = 0
        self.closed = False

    def __enter__(self) -> Collecting:
        return self

    def __exit__(self, *raised: object) -> None:
        self.closed = True

    def deliver(self, rows: Sequence[Row]) -> int:
        self.gate.wait()
        self.seqs.extend(row["seq"] for row in rows)
        return len(rows)

    def report(self, status: Mapping[str, Any]) -> None:
        self.reports += 1


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


@pytest.fixture
def journal(tmp_path: Path):
    with Journal(tmp_path / "journal.db") as journal:
        yield journal


def worker(journal: Journal, sink: Any, name: str = "plc", **options: Any) -> DeliveryWorker:
    return DeliveryWorker(name, lambda: sink, journal.path, journal, Telemetry(), **options)


def test_rows_reach_every_sink(journal: Journal, make_row) -> None:
    sinks = [Collecting(), Collecting()]
    with worker(journal, sinks[0], "a") as a, worker(journal, sinks[1], "b"):
        for number in range(20):
            journal.append(make_row(number))
        until(lambda: all(len(sink.seqs) == 20 for sink in sinks))
        until(lambda: a.position == 20)
        until(lambda: min(sink.reports for sink in sinks) > 0)

    assert [sink.seqs for sink in sinks] == [list(range(1, 21))] * 2
    assert all(sink.closed for sink in sinks)


def test_rows_before_the_end_are_delivered(journal: Journal, make_row) -> None:
    sink = Collecting()
    feeding = worker(journal, sink)
    sink.gate.clear()
    feeding.start()
    for number in range(250):
        journal.append(make_row(number))
    threading.Timer(0.02, sink.gate.set).start()

    assert feeding.close(PATIENCE_S)
    assert sink.seqs == list(range(1, 251))
    assert sink.closed


def test_a_sink_that_blocks_stalls_neither_the_journal_nor_the_end(
    journal: Journal, make_row
) -> None:
    blocked, other = Collecting(), Collecting()
    blocked.gate.clear()
    stuck = worker(journal, blocked, "stuck")
    stuck.start()
    with worker(journal, other, "other"):
        for number in range(300):
            journal.append(make_row(number))
        until(lambda: len(other.seqs) == 300)

    assert not stuck.close(0.01)
    assert blocked.seqs == []
    assert stuck._thread.daemon
    blocked.gate.set()
    stuck._thread.join(PATIENCE_S)
    # Nothing is lost: it takes them now, or when the line runs again.
    with worker(journal, blocked, "stuck"):
        until(lambda: len(blocked.seqs) == 300)


def test_an_unreachable_sink_does_not_delay_the_end(journal: Journal, make_row) -> None:
    class Away(Collecting):
        def deliver(self, rows: Sequence[Row]) -> int:
            raise SinkUnavailable("away")

    feeding = worker(journal, Away())
    feeding.start()
    journal.append(make_row(1))
    until(lambda: feeding._delivery.retry_in_s > 0)
    assert feeding.close(PATIENCE_S)

    sink = Collecting()
    with worker(journal, sink):
        until(lambda: sink.seqs == [1])


def test_a_worker_that_was_never_started_can_be_closed(journal: Journal) -> None:
    assert worker(journal, Collecting()).close(0)


def test_a_place_for_the_cursor_is_needed(journal: Journal) -> None:
    cursor_path(journal.path, "plc").parent.write_text("in the way")
    with pytest.raises(OutputError, match="cannot keep the cursor of the sink plc"):
        worker(journal, Collecting())


def test_workers_end_in_parallel_and_a_blocked_one_is_named(journal: Journal, make_row) -> None:
    sinks = {"a": Collecting(), "stuck": Collecting(), "b": Collecting()}
    sinks["stuck"].gate.clear()
    workers = [worker(journal, sink, name) for name, sink in sinks.items()]
    for each in workers:
        each.start()
    journal.append(make_row(1))
    until(lambda: sinks["a"].seqs == sinks["b"].seqs == [1])

    assert close_workers(workers[1:2], 0.01) == ["stuck"]
    assert close_workers([workers[0], workers[2]], PATIENCE_S) == []
    sinks["stuck"].gate.set()
    assert close_workers(workers, PATIENCE_S) == []


def test_sections_of_the_configuration_are_fed(journal: Journal, make_row, tmp_path: Path) -> None:
    sections = [
        CsvSinkConfig(kind="csv", path=tmp_path / "a.csv"),
        JsonLinesSinkConfig(kind="jsonl", path=tmp_path / "b.jsonl", name="all", start="beginning"),
    ]
    journal.append(make_row(1))
    running = workers(sections, journal, Telemetry())
    journal.append(make_row(2))
    for each in running:
        each.start()
    assert close_workers(running, PATIENCE_S) == []

    assert [each.name for each in running] == ["csv", "all"]
    assert [each.position for each in running] == [2, 2]
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1 + 1
    assert len((tmp_path / "b.jsonl").read_text().splitlines()) == 2


def test_a_damaged_cursor_is_an_event(journal: Journal) -> None:
    path = cursor_path(journal.path, "plc")
    path.parent.mkdir()
    path.write_bytes(bytes(256))
    worker(journal, Collecting()).close()
    (event,) = [each for each in read_events(journal.path) if each["kind"] == "cursor_damaged"]
    assert event["detail"]["sink"] == "plc"
    assert path.with_name(event["detail"]["file"]).read_bytes() == bytes(256)


@pytest.mark.parametrize("name", ["plc", 'line "2"/ü', "plc2"])
def test_a_sink_that_lost_its_cursor_is_not_a_new_one(
    journal: Journal, make_row: Callable, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also if it was removed under the running line, which writes on to a file without a name."""
    worker(journal, Collecting(), "plc").close()  # of another name, but for the first case
    first = Collecting()
    with worker(journal, first, name):
        journal.append(make_row(1))
        until(lambda: first.seqs == [1])
        cursor_path(journal.path, name).unlink()
    journal.append(make_row(2))
    second = Collecting()
    with worker(journal, second, name):
        until(lambda: second.seqs == [1, 2])
    (event,) = read_events(journal.path, "cursor_lost")
    assert event["detail"] == {"sink": name}
    assert f"sink {name}: its cursor was removed" in caplog.text
    added = [event["detail"]["sink"] for event in read_events(journal.path, "sink_added")]
    assert added == list(dict.fromkeys(["plc", name]))
