"""Reads the journal's rows for one sink, from its saved position on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from partsight.errors import UnreadableRow
from partsight.journal.tail import Tail
from partsight.results.base import Row
from partsight.sinks.cursor import Cursor, Position
from partsight.telemetry.telemetry import Telemetry

__all__ = ["JournalReader", "Start", "cursor_path"]

logger = logging.getLogger(__name__)

# Where a sink without a cursor begins.
Start = Literal["end", "beginning"]

SYNC_S = 1.0


def cursor_path(journal_path: Path, sink: str) -> Path:
    """Return the path of a sink's cursor, in a folder next to the journal."""
    journal_path = journal_path.resolve()
    return journal_path.with_name(journal_path.name + ".cursors") / quote(sink, safe="")


class JournalReader:
    """Position of a sink in the journal, saved in its cursor. For one thread.

    Args:
        name: of the sink.
        tail: of the journal.
        cursor: of the sink.
        telemetry: gets the number of rows that are not delivered yet.
        start: where a new sink begins, see ``Delivery``.
        clock: seconds, monotonic.
        on_unreadable: called once with each row that cannot be read and is passed over.

    Attributes:
        position: ``seq`` of the last delivered row; 0 before the first.

    Raises:
        JournalError: the journal cannot be read.
    """

    def __init__(
        self,
        name: str,
        tail: Tail,
        cursor: Cursor,
        telemetry: Telemetry,
        *,
        start: Start,
        clock: Callable[[], float],
        on_unreadable: Callable[[UnreadableRow], None],
    ) -> None:
        self._on_unreadable, self._last_unreadable = on_unreadable, 0
        self._name, self._tail, self._cursor = name, tail, cursor
        self._telemetry, self._clock = telemetry, clock
        self._sync_at = clock()
        self._journal, last = tail.end()
        self.position = self._saved_position(start, last)
        self._save(sync=True)

    def next_rows(self, limit: int) -> list[Row]:
        """Return the next rows, at most ``limit``.

        Raises:
            JournalError: the journal cannot be read.
        """
        journal, last = self._tail.end()
        if journal != self._journal:
            self._journal, self.position, self._last_unreadable = journal, 0, 0
        self._count(journal, last)
        rows: list[Row] = list(self._tail.rows(self.position, limit, self._pass_over))
        if not rows and self._last_unreadable > self.position:
            self.move_to(self._last_unreadable)
        return rows

    def _pass_over(self, unreadable: UnreadableRow) -> None:
        # Rows are read again until the rows before them are delivered.
        if unreadable.seq > self._last_unreadable:
            self._on_unreadable(unreadable)
            self._last_unreadable = unreadable.seq

    def move_to(self, seq: int) -> None:
        """Note and save the last delivered row; about once a second, wait for the disk."""
        self.position = seq
        due = self._clock() >= self._sync_at
        if due:
            self._sync_at = self._clock() + SYNC_S
        self._save(sync=due)

    def count_waiting(self, tail: Tail | None = None) -> None:
        """Set the gauge of rows that are not delivered yet.

        Args:
            tail: of the journal, for another thread than the reader's; None uses the reader's own.

        Raises:
            JournalError: the journal cannot be read.
        """
        self._count(*(tail or self._tail).end())

    def close(self) -> None:
        """Close journal and cursor."""
        self._tail.close()
        self._cursor.close()

    def _count(self, journal: str, last: int) -> None:
        # In another journal than before, all rows wait.
        delivered = self.position if journal == self._journal else 0
        self._telemetry.set("queue", max(0, last - delivered), self._name)

    def _saved_position(self, start: Start, last: int) -> int:
        saved = self._cursor.position
        if self._cursor.damaged is not None:
            # Rather twice than not at all: receivers recognize a repeated row by its id.
            logger.warning(
                "sink %s: the record of delivered rows was damaged and is renamed to %s; all rows "
                "of the journal are delivered again",
                self._name,
                self._cursor.damaged.name,
            )
            return 0
        if saved is None:
            return last if start == "end" else 0
        # In a new journal all rows are new; one restored from an older copy may end earlier.
        return min(saved.seq, last) if saved.journal == self._journal else 0

    def _save(self, *, sync: bool) -> None:
        try:
            self._cursor.save(Position(self._journal, self.position), sync=sync)
        except OSError as error:
            # The position in memory is still right; after a restart some rows come twice.
            logger.warning(
                "sink %s: cannot write the record of delivered rows: %s. After a restart, some "
                "rows are delivered again",
                self._name,
                error,
            )
