"""Finds the rows that a receiver can never take, so that they do not hold up all others.

A refused batch is halved until a row is refused alone. That does not prove that the row is at
fault: the receiver may refuse everything, for example after an update. The row is therefore a
suspect until the receiver acknowledges another one, before it in the same batch or after it. A
suspect that is refused after such a proof is a dead letter: counted, logged, written to the journal
as an event, and passed over. Without a proof the rows wait, and are tried again from the first
suspect on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from partsight.errors import SinkUnavailable, UnreadableRow
from partsight.records import OnEvent
from partsight.results.base import Row
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.remote_text import remote_text

__all__ = ["DATA_ERRORS", "Refusals"]

logger = logging.getLogger(__name__)

# What Python raises for a value that a sink cannot encode.
DATA_ERRORS = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)

# Rows that are tried alone before the receiver is given up for a while; doubled each time.
_FIRST_SUSPECTS = 10


@dataclass(frozen=True, slots=True)
class _Suspect:
    seq: int
    id: object
    reason: str


class Refusals:
    """Refused rows of a sink. For one thread.

    Args:
        name: of the sink.
        telemetry: counts the dead letters.
        on_event: writes the event ``dead_letter``; raises if it cannot be written.
        batch_rows: largest number of rows per delivery.

    Attributes:
        limit: number of rows to deliver next.
    """

    def __init__(self, name: str, telemetry: Telemetry, on_event: OnEvent, batch_rows: int) -> None:
        self._name, self._telemetry, self._on_event = name, telemetry, on_event
        self._batch_rows = self.limit = batch_rows
        self._suspects: list[_Suspect] = []
        self._most_suspects = _FIRST_SUSPECTS
        # Last seq of the refused batch, and whether a row of it was acknowledged.
        self._end, self._proved = 0, False
        self._dead = 0
        self._last: _Suspect | None = None

    @property
    def summary(self) -> str:
        """Number of dead letters since the line started, and the last one; empty without any."""
        if self._last is None:
            return ""
        return f"{self._dead} set aside, the last one verdict {_described(self._last)}"

    @property
    def waiting(self) -> int:
        """Number of suspects: rows at the current position that are not offered again yet."""
        return len(self._suspects)

    def refused(self, rows: Sequence[Row], error: Exception) -> int | None:
        """Note that rows were refused; ``limit`` is smaller then.

        Returns:
            ``seq`` up to which all rows are settled; None if nothing is settled.

        Raises:
            SinkUnavailable: the receiver refuses every row.
            OutputError: the event cannot be written; the row stays.
        """
        if self._end < rows[-1]["seq"]:
            self._end, self._proved = rows[-1]["seq"], False
        if len(rows) > 1:
            self.limit = len(rows) // 2
            return None
        reason = remote_text(error if str(error) else type(error).__name__)
        suspect = _Suspect(rows[0]["seq"], rows[0].get("id"), reason)
        if self._proved:
            self._set_aside(suspect)
            return suspect.seq
        self._suspects.append(suspect)
        if len(self._suspects) >= self._most_suspects:
            self._most_suspects = min(2 * self._most_suspects, self._batch_rows)
            self.give_up()
        return None

    def unreadable(self, row: UnreadableRow) -> None:
        """Set aside a row that the journal cannot give.

        Raises:
            OutputError: the event cannot be written.
        """
        self._note_dead(_Suspect(row.seq, row.id, str(row)))

    def give_up(self) -> None:
        """Try the suspects again later: no row after them proves that they are at fault.

        Raises:
            SinkUnavailable: always, with the first suspect.
        """
        first, count = self._suspects[0], len(self._suspects)
        more = f" and {count - 1} more" if count > 1 else ""
        raise SinkUnavailable(
            f"the receiver refuses verdict {_described(first)}{more}. Refused verdicts are sent "
            "again, and set aside as soon as the receiver accepts a later verdict."
        )

    def accepted(self, last: int) -> bool:
        """Note that rows up to a seq were acknowledged. Return whether all before it are settled.

        Suspects before it are offered once more: the receiver may have been repaired meanwhile.
        """
        self._most_suspects = _FIRST_SUSPECTS
        if self._suspects:
            self._suspects.clear()
            self._end, self._proved, self.limit = last, True, 1
            return False
        self._proved = last < self._end
        if not self._proved:
            self.limit = self._batch_rows
        return True

    def interrupted(self) -> None:
        """Forget suspects and proof: the receiver may answer otherwise after an outage."""
        self._suspects.clear()
        self._end, self._proved, self.limit = 0, False, self._batch_rows

    def _set_aside(self, dead: _Suspect) -> None:
        self._note_dead(dead)
        # The proof holds for the rest of the refused batch, and no further.
        self.limit = self._end - dead.seq if dead.seq < self._end else self._batch_rows

    def _note_dead(self, dead: _Suspect) -> None:
        detail = {"sink": self._name, "seq": dead.seq, "id": dead.id, "reason": dead.reason}
        self._on_event("dead_letter", detail)
        self._dead, self._last = self._dead + 1, dead
        self._telemetry.count("dead_letters", self._name)
        logger.warning("sink %s: set aside verdict %s", self._name, _described(dead))


def _described(suspect: _Suspect) -> str:
    return f"{suspect.seq} (id {suspect.id}): {suspect.reason}"
