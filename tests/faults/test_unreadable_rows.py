"""A row of the journal that was damaged or changed holds up no others, and is not hidden."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from partsight.cli.main import main
from partsight.errors import RowRefused, UnreadableRow
from partsight.journal import Journal, Selection, read_rows, select
from partsight.journal.read import read_events
from partsight.journal.tail import Tail
from partsight.sinks.cursor import Cursor
from partsight.sinks.delivery import Delivery
from partsight.sinks.journal_reader import cursor_path
from partsight.telemetry.telemetry import Telemetry

ROWS = 12
ROW = {
    "captured_at": "2024-05-06T07:08:09.123+00:00",
    "verdict": "accept",
    "scores": {"defected": 0.25, "healthy": 0.75},
}
# A column and what SQLite stores in it all the same.
DAMAGE = [
    ("scores", "{"),
    ("scores", b"{}"),
    ("stages_ms", "[" * 100_000),
    ("tile", "NaN,"),
    ("score", "high"),
    ("latency_ms", b"\0"),
    ("frame", "three"),
    ("frame", 1.5),
    ("verdict", b"\xff"),
    ("captured_at", b"\xff"),
    ("id", b"\xff\xfe"),
]


@pytest.fixture
def damage(tmp_path: Path) -> Callable[..., Path]:
    """Make a journal with ``ROWS`` rows, some of them with a changed value."""

    def make(seqs: Sequence[int], column: str = "scores", value: object = "{") -> Path:
        path = tmp_path / "journal.db"
        with Journal(path) as journal:
            for number in range(1, ROWS + 1):
                journal.append({**ROW, "id": f"id-{number}", "frame": number})
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for seq in seqs:
                connection.execute(f"UPDATE verdicts SET {column} = ? WHERE seq = ?", (value, seq))
            connection.commit()
        return path

    return make


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["journal", *map(str, arguments)])


@pytest.mark.parametrize(("column", "value"), DAMAGE)
def test_it_is_left_out_and_named(damage: Callable, column: str, value: object) -> None:
    path = damage([5], column, value)
    found: list[UnreadableRow] = []
    rows = list(select(path, Selection(), on_unreadable=found.append))
    assert [row["seq"] for row in rows] == [*range(1, 5), *range(6, ROWS + 1)]
    (unreadable,) = found
    assert (unreadable.seq, f"column {column}: " in str(unreadable)) == (5, True)
    with pytest.raises(UnreadableRow, match="row 5 of the journal's verdicts cannot be read"):
        read_rows(path)


@pytest.mark.parametrize("arguments", [["query"], ["query", "--json"], ["export"]])
@pytest.mark.parametrize("seqs", [[1], [5, 6, 9], [ROWS], list(range(1, ROWS + 1))])
def test_commands_print_the_others_and_exit_with_1(
    tmp_path: Path, damage: Callable, arguments: list[str], seqs: list[int]
) -> None:
    path, output = damage(seqs), tmp_path / "out.jsonl"
    more = ["-o", output] if arguments == ["export"] else []
    result = run(*arguments, path, *more)
    text = output.read_text() if more else result.stdout
    lines = text.splitlines()[arguments == ["query"] :]
    assert (result.exit_code, len(lines)) == (1, ROWS - len(seqs))
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    left_out = "1 selected row left out" if len(seqs) == 1 else f"{len(seqs)} selected rows left"
    assert left_out in line
    assert f"row {seqs[0]} of the journal's verdicts cannot be read" in line
    assert "partsight journal verify" in line


def test_an_event_may_be_unreadable_too(damage: Callable) -> None:
    path = damage([])
    with Journal(path) as journal:
        journal.event("started", {})
        journal.event("stopped", {})
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE events SET detail = 'x' WHERE seq = 1")
        connection.commit()
    result = run("query", path, "--events", "--json")
    assert [json.loads(line)["kind"] for line in result.stdout.splitlines()] == ["stopped"]
    assert result.exit_code == 1
    assert "row 1 of the journal's events" in result.stderr


class Receiver:
    """A ``LineSink`` that records the ``seq`` of each row, and refuses some rows."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.refused: set[int] = set()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def deliver(self, rows: Sequence[dict[str, Any]]) -> int:
        seqs = [row["seq"] for row in rows]
        if self.refused & set(seqs):
            raise RowRefused("no")
        self.taken += seqs
        return len(seqs)

    def report(self, status: object) -> bool:
        return False


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@contextlib.contextmanager
def delivering(path: Path, receiver: Receiver, telemetry: Telemetry) -> Iterator[Delivery]:
    now_s = itertools.count(100.0, 1000.0)  # each retry is due
    with Journal(path) as journal:
        delivery = Delivery(
            "receiver",
            lambda: receiver,
            Tail(path),
            Cursor(cursor_path(path, "receiver")),
            telemetry,
            journal.event,
            start="beginning",
            clock=lambda: next(now_s),
            jitter=lambda: 0.0,
            batch_rows=4,
        )
        yield delivery
        delivery.close()


@pytest.mark.parametrize(
    ("seqs", "refused"),
    [
        ([1], []),
        ([5], []),
        ([ROWS], []),
        ([3, 4, 5, 6, 7, 8], []),
        (range(1, ROWS + 1), []),
        ([5], [4]),
        ([5], [6]),
        ([5, 7], [4, 6, 8]),
        ([1, ROWS], [2]),
    ],
)
def test_a_sink_sets_it_aside_and_delivers_the_others(
    damage: Callable, receiver: Receiver, seqs: Sequence[int], refused: Sequence[int]
) -> None:
    path, telemetry = damage(seqs), Telemetry()
    receiver.refused = set(refused)
    with delivering(path, receiver, telemetry) as delivery:
        for _ in range(200):
            delivery.step()
        assert delivery.reader.position == ROWS
    lost = sorted({*seqs, *refused})
    # A row that proves that the receiver accepts others comes twice.
    assert sorted(set(receiver.taken)) == [seq for seq in range(1, ROWS + 1) if seq not in lost]
    events = list(read_events(path, "dead_letter"))
    assert sorted(event["detail"]["seq"] for event in events) == lost
    assert telemetry.values()["dead_letters", "receiver"] == len(lost)
    assert telemetry.values()["queue", "receiver"] == 0
