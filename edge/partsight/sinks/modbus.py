"""Verdicts to a PLC by Modbus TCP: partsight is the client, the PLC is the server.

Coils, from ``coils`` on, latched until the next verdict (function 15)::

    +0  accept      exactly one of these three is set after the first verdict; a part that could
    +1  reject      not be inspected has the fail-safe verdict, which is shown here too
    +2  review
    +3  heartbeat   changes about once a second while the line runs
    +4  alarm       an alarm is raised

Holding registers, from ``registers`` on, counts of 32 bits, high word first (function 16)::

    +0 +1   accepted  verdicts delivered since the line started
    +2 +3   rejected
    +4 +5   reviewed
    +6 +7   late      verdicts among these that were too old to change a coil
    +8 +9   sequence  the journal's number of the verdict that the coils show
    +10 +11 echo      written by the PLC, with ``handshake``

For a verdict the coils are written first, then all counts, followed by the sequence in the same
request. A PLC that acts only when the sequence changes therefore sees the verdict and counts that
belong to it. They stay for at least ``hold_s``; with ``handshake``, until the PLC has copied the
sequence into ``echo``.

Each verdict is confirmed on its own. If its confirmation is lost, the sequence is read back before
it is repeated: a verdict that the registers show was taken, and its coils are not written again.

A verdict on a picture older than ``max_age_s``, for example after a network outage, is counted
but changes neither coils nor sequence: it would sort another part. PLCs must treat a part without
a verdict in time, and a heartbeat that does not change, as a reject.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from partsight.connections.modbus import Plc, to_words
from partsight.errors import SinkUnavailable
from partsight.results.base import Row
from partsight.sinks.base import LineSink
from partsight.utils.wall_clock import utc_now

if TYPE_CHECKING:
    from partsight.config.network_sinks import ModbusSinkConfig

__all__ = ["COILS", "COUNTS", "ModbusSink", "Tally", "open_sink"]

COILS = ("accept", "reject", "review", "heartbeat", "alarm")
COUNTS = ("accept", "reject", "review", "late")
_SEQUENCE = 2 * len(COUNTS)
_ECHO = _SEQUENCE + 2
_ECHO_PAUSE_S = 0.005
# More than are ever delivered together.
_RECENT = 512


@dataclass(slots=True)
class Tally:
    """Counts of delivered verdicts since the line started, kept across connections.

    Attributes:
        counts: by verdict, and ``late``.
        recent: of the rows counted last, the id and whether it was counted as late, so that a row
            that comes twice is counted once; by id, since ``seq`` restarts in a new journal.
        begun: id of the row that was written last, also if the PLC did not confirm it; None before
            the first.
        free_at_s: time from which the next row may be shown, monotonic.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    recent: dict[str, bool] = field(default_factory=dict)
    begun: str | None = None
    free_at_s: float = -1.0

    def take(self, row: Row, *, late: bool) -> None:
        """Count a row once; also as late if a first try in time did not reach the PLC."""
        was_late = self.recent.get(row["id"])
        self.counts[row["verdict"]] += was_late is None
        self.counts["late"] += late and not was_late
        self.recent[row["id"]] = late or bool(was_late)
        if len(self.recent) > _RECENT:
            del self.recent[next(iter(self.recent))]

    def words(self) -> list[int]:
        """Return the registers of the counts."""
        return [word for name in COUNTS for word in to_words(self.counts[name])]


class ModbusSink(AbstractContextManager["ModbusSink"]):
    """A ``LineSink``. It connects at the first delivery, and again after a failure.

    Args:
        config: the PLC, its coils and registers, and the options of delivery.
        tally: counts so far; shared by all sinks opened for the same PLC.
        now: wall-clock time, to compute the age of a picture.
        clock: seconds, monotonic.
        sleep: waits a number of seconds.
    """

    def __init__(
        self,
        config: ModbusSinkConfig,
        tally: Tally | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._config, self._now, self._clock, self._sleep = config, now, clock, sleep
        self._tally = tally or Tally()
        self._plc = Plc(config.host, config.port, config.unit, config.timeout_s)
        self._heartbeat = False

    def __exit__(self, *error: object) -> None:
        self._plc.close()

    def deliver(self, rows: Sequence[Row]) -> int:
        """Show one recent row, or count the late rows before it; see ``LineSink``."""
        late = list(itertools.takewhile(self._is_late, rows))
        if not late:
            self._show(rows[0])
            return 1
        for row in late:
            shown = row["id"] == self._tally.begun and self._is_taken(row, _coils(row))
            self._tally.take(row, late=not shown)
        self._plc.write_registers(self._config.registers, self._tally.words())
        return len(late)

    def _show(self, row: Row) -> None:
        verdict = _coils(row)
        if not self._is_taken(row, verdict):
            self._tally.take(row, late=False)
            self._wait_until_free()
            self._tally.begun = row["id"]
            self._plc.write_coils(self._config.coils, verdict)
            words = self._tally.words() + to_words(row["seq"])
            self._plc.write_registers(self._config.registers, words)
        self._tally.free_at_s = self._clock() + self._config.hold_s
        if self._config.handshake:
            self._wait_for_echo(row["seq"])

    def _is_taken(self, row: Row, verdict: list[bool]) -> bool:
        """Return whether the PLC shows a row that was written before, but not confirmed."""
        first = self._tally.begun is None  # the process that wrote it may have been killed
        if not first and row["id"] != self._tally.begun:
            return False
        sequence = self._plc.shown_registers(self._config.registers + _SEQUENCE, 2)
        if sequence != to_words(row["seq"]):
            return False
        # Another journal may have had the same sequence.
        return not first or self._plc.shown_coils(self._config.coils, 3) == verdict

    def report(self, status: Mapping[str, Any]) -> bool:
        """Toggle the heartbeat and show whether there is an alarm; see ``LineSink``."""
        alarm = any(status.get("alarms", {}).values())
        self._plc.write_coils(self._config.coils + 3, [not self._heartbeat, alarm])
        self._heartbeat = not self._heartbeat
        return True

    def _is_late(self, row: Row) -> bool:
        """Return whether a picture is too old, or from the future: its clock was wrong then."""
        age = self._now() - datetime.fromisoformat(row["captured_at"])
        return abs(age.total_seconds()) > self._config.max_age_s

    def _wait_until_free(self) -> None:
        pause_s = self._tally.free_at_s - self._clock()
        if pause_s > 0:
            self._sleep(pause_s)

    def _wait_for_echo(self, seq: int) -> None:
        deadline_s = self._clock() + self._config.timeout_s
        echo = self._config.registers + _ECHO
        while (words := self._plc.read_registers(echo, 2)) != to_words(seq):
            if self._clock() > deadline_s:
                raise SinkUnavailable(
                    f"the PLC {self._config.host} did not take verdict {seq} in "
                    f"{self._config.timeout_s} s: expected its echo in registers {echo} and "
                    f"{echo + 1}. Received: {words}. The verdict is written again "
                    "until the frame is older than max_age_s."
                )
            self._sleep(_ECHO_PAUSE_S)


def _coils(row: Row) -> list[bool]:
    """Return the values of the coils of a verdict."""
    return [name == row["verdict"] for name in COILS[:3]]


# By PLC and registers: a new sink is opened after each failure and must continue the counts.
_TALLIES: dict[tuple[str, int, int, int], Tally] = {}


def open_sink(config: ModbusSinkConfig) -> LineSink:
    """Return the sink for ``kind = "modbus"``; it continues the counts of the same registers."""
    plc = (config.host, config.port, config.unit, config.registers)
    return ModbusSink(config, _TALLIES.setdefault(plc, Tally()))
