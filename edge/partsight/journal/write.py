"""Writes the journal: a verdict is on the disk before ``append`` returns."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
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


class Journal(contextlib.AbstractContextManager["Journal"]):
    """The only writer of a journal. Thread-safe.

    Args:
        path: the database; its folder is created. Next to it are SQLite's log, ``-wal`` and
            ``-shm``, and ``.lock``.
        telemetry: gets the state ``journal``: ``writing``, ``unwritable``, ``damaged`` or
            ``displaced``; a damaged journal is replaced by a new one, see ``store``.
        now: wall-clock time for events, with a time zone.
        checkpoint_rows: number of rows in the log before it is copied into the database.

    Raises:
        OutputError: another process writes the journal, it belongs to another program or a newer
            version, or the disk cannot be written.
    """

    def __init__(
        self,
        path: Path,
        telemetry: Telemetry | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        checkpoint_rows: int = 250,
    ) -> None:
        # SQLite's log is next to the file itself, not next to a link to it.
        self.path = Path(path).resolve()
        self._telemetry = telemetry
        self._now = now
        self._lock = threading.Lock()
        self._grown = threading.Condition()
        self._held = _locked(self.path)
        copying = threading.Lock()
        self._store = Store(self.path, now, copying)
        try:
            with self._writing() as store:
                self._last, _ = store.head(VERDICTS)
        except BaseException:
            self._store.close()
            self._held.close()
            raise
        self._checkpointer = Checkpointer(
            self.path, self._lock, copying, self._store.has_its_name, checkpoint_rows
        )

    def append(self, row: Mapping[str, Any]) -> int:
        """Write a verdict, the columns of ``PartResult.row``; it is durable when this returns.

        Returns:
            Its ``seq``, one more than that of the previous verdict.

        Raises:
            OutputError: not written: the disk is full or read-only, or the journal is closed.
                Writing works again once the disk does.
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
        """Write an event of the line, such as ``started``, with its details.

        Returns:
            Its ``seq``, counted separately from verdicts.

        Raises:
            OutputError: see ``append``.
        """
        with self._writing() as store:
            seq = store.event(kind, detail)
            self._checkpointer.wrote()
        return seq

    def head(self) -> tuple[int, str]:
        """Return ``seq`` and hexadecimal hash of the last verdict, to be noted elsewhere.

        Raises:
            OutputError: see ``append``.
        """
        with self._writing() as store:
            seq, digest = store.head(VERDICTS)
        return seq, digest.hex()

    def wait(self, seq: int, timeout_s: float) -> bool:
        """Wait until there is a verdict after ``seq``. Return whether there is one."""
        with self._grown:
            return self._grown.wait_for(lambda: self._last > seq, timeout_s)

    def prune(
        self,
        *,
        keep_rows: int | None = None,
        delivered: int | None = None,
        aged: Mapping[str, int] | None = None,
    ) -> int:
        """Delete the oldest rows; the chain of the rest can still be verified.

        Call it about once an hour: each call that deletes rows writes an event.

        Args:
            keep_rows: number of verdicts to keep, and of events: a shadow model writes one per
                verdict.
            delivered: verdicts after this ``seq`` are kept, since a sink has not delivered them
                yet; None without sinks.
            aged: by table, the last ``seq`` that is too old, see ``ages.RowAges``.

        Returns:
            The number of deleted verdicts.

        Raises:
            OutputError: see ``append``; some rows may be deleted.
        """
        kept = Retention(keep_rows, delivered, aged)
        try:
            with contextlib.closing(connect_read_only(self.path)) as reader:
                last = last_to_prune(reader, kept)
        except (sqlite3.Error, JournalError) as error:
            raise refused(self.path, error) from error
        if not last:
            return 0
        self.event(PRUNED, {name: {"seq": seq, "hash": hash} for name, (seq, hash) in last.items()})
        counts = {name: self._delete(name, seq) for name, (seq, _) in last.items()}
        return counts.get(VERDICTS.name, 0)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Store]:
        """Lock the store for this thread; its new states are reported after that.

        A listener to states may write them as events, which takes the same lock.
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
        """Copy the log into the database and release the lock for other processes."""
        self._checkpointer.close()
        with self._lock:
            self._store.close()
            self._held.close()

    def __exit__(self, *error: object) -> None:
        self.close()


def _locked(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return lock(path)
    except (OSError, sqlite3.Error) as error:
        raise refused(path, error) from error
