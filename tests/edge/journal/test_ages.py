"""Deletion of rows by age: by sequence and known time, whatever times the rows have."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.wrong_clock import DAY_S, HOUR_S, START_S, STEPS, YEARS_S, Machine

from partsight.journal import Journal
from partsight.journal.ages import RowAges, newest_row_s
from partsight.journal.read import read_rows
from partsight.utils.elapsed import confirm_clock
from partsight.utils.ids import uuid7

KEEP_DAYS = 30.0


def stamp(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, timezone.utc).isoformat(timespec="milliseconds")


class Line:
    """A line on a machine: each start prunes, and so does each ``prune``."""

    def __init__(self, folder: Path) -> None:
        self.machine, self.path = Machine(folder / "journal.db.clock"), folder / "journal.db"
        self.shown_s = START_S
        self.judged: list[float] = []  # true time by seq

    def opened(self) -> Journal:
        return Journal(self.path, now=lambda: datetime.fromtimestamp(self.shown_s, timezone.utc))

    def run(self, rows: int = 1) -> None:
        with self.opened() as journal:
            elapsed = self.machine.start(newest_s=newest_row_s(self.path))
            ages = RowAges(self.path, elapsed, KEEP_DAYS)
            journal.prune(aged=ages.aged())
            for _ in range(rows):
                self.append(journal)
            self.machine.true_s += 4 * HOUR_S
            journal.prune(aged=ages.aged())

    def append(self, journal: Journal, at_s: float | None = None) -> None:
        self.judged.append(self.machine.true_s)
        clock_s = self.machine.true_s + self.machine.error_s
        self.shown_s = max(0.0, clock_s if at_s is None else at_s)
        number = len(self.judged)
        row = {"id": uuid7(int(self.shown_s * 1000)), "captured_at": stamp(self.shown_s)}
        assert journal.append(row) == number

    def kept(self) -> list[int]:
        return [row["seq"] for row in read_rows(self.path)]


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def test_expired_rows_go(line: Line) -> None:
    line.run(3)
    while line.machine.true_s < START_S + 29 * DAY_S:
        line.machine.off(DAY_S / 2)
        line.run()
    assert line.kept()[0] == 1
    while line.machine.true_s < START_S + 32 * DAY_S:
        line.machine.off(DAY_S / 2)
        line.run()
    oldest = line.judged[line.kept()[0] - 1]
    assert 30 * DAY_S < line.machine.true_s - oldest + DAY_S < 31 * DAY_S + HOUR_S


@pytest.mark.parametrize("error_s", [YEARS_S, 60 * DAY_S, -YEARS_S, -START_S])
def test_one_start_with_a_wrong_clock_deletes_nothing(line: Line, error_s: float) -> None:
    line.run(30)
    line.machine.off(60)
    line.machine.error_s = error_s
    line.run()
    line.machine.off(60)
    line.machine.error_s = 0
    line.run()
    assert len(line.kept()) == 32


def test_a_first_start_with_a_wrong_clock_deletes_nothing(line: Line) -> None:
    """The rows were written by a version without a record of known time."""
    with line.opened() as journal:
        for _ in range(30):
            line.append(journal)
    line.machine.error_s = YEARS_S
    line.run()
    assert len(line.kept()) == 31


def test_a_row_from_the_future_keeps_no_expired_rows(line: Line) -> None:
    with line.opened() as journal:
        for number in range(40):
            line.append(journal, START_S + (YEARS_S if number == 20 else -60 * DAY_S))
        line.append(journal, START_S - DAY_S)
    line.run()
    assert line.kept() == [41, 42]


def test_rows_of_a_device_that_starts_in_1970_go_by_their_sequence(line: Line) -> None:
    line.machine.ntp = True
    line.run(3)
    for _ in range(35):
        line.machine.error_s, line.machine.ntp = -line.machine.true_s, False
        line.run()
        line.machine.error_s, line.machine.ntp = 0.0, True
        line.run(0)
        line.machine.off(DAY_S)
    line.run(0)
    assert line.kept()[0] > 4
    assert line.machine.true_s - line.judged[line.kept()[0] - 1] > 29 * DAY_S


def test_after_a_long_power_off_a_person_confirms(line: Line) -> None:
    line.run(3)
    line.machine.off(40 * DAY_S)
    line.run()
    assert line.kept() == [1, 2, 3, 4]
    confirm_clock(line.machine.path, line.machine.clocks())
    line.run()
    assert line.kept() == [4, 5]


def test_a_restored_backup_is_not_aged_by_the_notes_of_later_rows(line: Line) -> None:
    line.run(3)
    backup = line.path.read_bytes()
    line.machine.off(DAY_S / 2)
    line.run(5)
    line.path.write_bytes(backup)
    del line.judged[3:]
    line.machine.off(DAY_S / 2)
    line.run(1)
    line.machine.ntp = True
    line.machine.off(29.2 * DAY_S)
    line.run(0)
    assert line.kept() == [4]  # 29.5 days old


@pytest.mark.parametrize("content", [b"", b"{", b'{"journal": 1}', b"\xff"], ids=range(4))
def test_damaged_notes_delete_nothing(line: Line, content: bytes) -> None:
    line.run(3)
    line.path.with_name("journal.db.ages").write_bytes(content)
    line.run(1)
    assert len(line.kept()) == 4


@settings(max_examples=10, deadline=None)
@given(steps=STEPS)
def test_no_row_younger_than_the_limit_is_deleted_whatever_the_clock_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float, float, bool]]
) -> None:
    line = Line(tmp_path_factory.mktemp("line"))
    machine = line.machine
    line.run()
    for kind, seconds, error_s, ntp in steps:
        machine.error_s, machine.ntp = error_s, ntp and not error_s
        if kind == "on":
            machine.true_s += seconds * 5
        else:
            machine.off(seconds * 5)
        line.run(2)
        kept = set(line.kept())
        gone = [at for seq, at in enumerate(line.judged, 1) if seq not in kept]
        assert all(machine.true_s - at >= KEEP_DAYS * DAY_S - 1 for at in gone)
