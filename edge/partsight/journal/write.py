"""The journal as the line writes it: a verdict is on the disk before ``append`` returns.

Enters: rows of ``PartResult`` and events. Leaves: their numbers, and the chain's head.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from partsight.errors import JournalError
from partsight.journal.checkpoint import Checkpointer
from partsight.journal.database import lock
from partsight.journal.prune import PRUNED, Retention, delete_portion, last_to_prune
from partsight.journal.read import connect_read_only
from partsight.journal.schema import VERDICTS
from partsight.journal.store import Store, refused
from partsight.utils.wall_clock import utc_now

if TYPE_CHECKING:
    from partsight.telemetry.telemetry import Telemetry

__all__ = ["Journal"]


class Journal:
    """The one writer of a journal; safe for threads.

    Args:
        path: the database; its folder is made. Beside it lie SQLite's log, ``-wal`` and
            ``-shm``, and ``.lock``.
        telemetry: told whether the journal is ``writing``, ``unwritable`` or ``damaged``; of a
            damaged one a fresh one is begun, see ``store``.
        now: the time of events, with a time zone.
        checkpoint_rows: how many rows the log takes before it is copied into the database.

    Raises:
        OutputError: another process writes it, it is of a newer partsight or of another
            program, or the disk does not let us.
    """

    def __init__(
        self,
        path: Path,
        telemetry: Telemetry | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        checkpoint_rows: int = 250,
    ) -> None:
        # SQLite's log lies beside the file itself, wherever a link to it lies.
        self.path = Path(path).resolve()
        self._telemetry = telemetry
        self._now = now
        self._lock = threading.Lock()
        self._grown = threading.Condition()
        self._held = _locked(self.path)
        self._store = Store(self.path, now)
        try:
            with self._writing() as store:
                self._last, _ = store.head(VERDICTS)
        except BaseException:
            self._store.close()
            self._held.close()
            raise
        self._checkpointer = Checkpointer(self.path, self._lock, checkpoint_rows)

    def append(self, row: Mapping[str, Any]) -> int:
        """Write a verdict, the columns of ``PartResult.row``; it is durable when this returns.

        Returns:
            Its ``seq``: one more than that of the verdict before.

        Raises:
            OutputError: it is not written: the disk is full or read-only, or the journal is
                closed. When there is room again, the next one is.
            ValueError: the row has unknown columns, or values of another type.
        """
        stored = VERDICTS.store(row)
        with self._writing() as store:
            seq = store.insert(VERDICTS, stored)
            self._checkpointer.wrote()
            with self._grown:
                self._last = seq
                self._grown.notify_all()
        return seq

    def event(self, kind: str, detail: Mapping[str, Any]) -> int:
        """Write what happened to the line, such as ``started``, with what is to be known of it.

        Returns:
            Its ``seq``, which counts apart from that of verdicts.

        Raises:
            OutputError: see ``append``.
        """
        with self._writing() as store:
            seq = store.event(kind, detail)
            self._checkpointer.wrote()
        return seq

    def head(self) -> tuple[int, str]:
        """``seq`` and hexadecimal hash of the last verdict: noted elsewhere, they prove the tail.

        Raises:
            OutputError: see ``append``.
        """
        with self._writing() as store:
            seq, digest = store.head(VERDICTS)
        return seq, digest.hex()

    def wait(self, seq: int, timeout_s: float) -> bool:
        """Wait until there is a verdict after ``seq``; whether there is one."""
        with self._grown:
            return self._grown.wait_for(lambda: self._last > seq, timeout_s)

    def prune(
        self,
        *,
        keep_days: float | None = None,
        keep_rows: int | None = None,
        handed_on: int | None = None,
    ) -> int:
        """Delete the oldest rows; the chain of the rest can be verified still.

        For about once an hour: each time that rows go, an event says so.

        Args:
            keep_days: of verdicts and events that are older, none is kept.
            keep_rows: of verdicts no more than these are kept, and as many events: a shadow
                model makes one for each verdict.
            handed_on: verdicts after this ``seq`` stay in any case, as a sink has yet to hand
                them on; None where there is no sink.

        Returns:
            How many verdicts were deleted.

        Raises:
            OutputError: see ``append``; some may be deleted.
        """
        kept = Retention(keep_days, keep_rows, handed_on)
        try:
            with contextlib.closing(connect_read_only(self.path)) as reader:
                last = last_to_prune(reader, kept, self._now())
        except (sqlite3.Error, JournalError) as error:
            raise refused(self.path, error) from error
        if not last:
            return 0
        self.event(PRUNED, {name: {"seq": seq, "hash": hash} for name, (seq, hash) in last.items()})
        counts = {name: self._delete(name, seq) for name, (seq, _) in last.items()}
        return counts.get(VERDICTS.name, 0)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Store]:
        """The store, for this thread alone; what it has to tell is told after that.

        Whoever listens to states may write them down as events, which takes the same lock.
        """
        news: list[tuple[str, str]] = []
        try:
            with self._lock:
                try:
                    yield self._store
                finally:
                    news = self._store.take_news()
        finally:
            if self._telemetry is not None:
                for state, detail in news:
                    self._telemetry.state("journal", state, detail)

    def _delete(self, table: str, last: int) -> int:
        count = 0
        while True:
            with self._writing() as store:
                portion = store.run(partial(delete_portion, table=table, last=last))
                self._checkpointer.wrote()
            count += portion
            if not portion:
                return count

    def close(self) -> None:
        """Copy the log into the database, and let another process write it."""
        self._checkpointer.close()
        with self._lock:
            self._store.close()
            self._held.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _locked(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return lock(path)
    except (OSError, sqlite3.Error) as error:
        raise refused(path, error) from error
