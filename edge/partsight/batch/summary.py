"""Summary of a batch run: counts of verdicts and labels, and the rate."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable, Mapping

from partsight.records import Verdict
from partsight.results.base import Row
from partsight.utils.counts import counted

__all__ = ["Summary"]


class Summary:
    """Counts the rows of a run.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._started = clock, clock()
        self._outcomes: collections.Counter[str] = collections.Counter()
        self._labels: collections.Counter[str] = collections.Counter()
        self._classified_now = 0

    def add(self, row: Row, *, classified_now: bool = True) -> None:
        """Count a row; a row from an earlier run does not count for the rate."""
        outcome = "failed" if row["error"] is not None else row["verdict"]
        labels = {} if row["label"] is None else {row["label"]: 1}
        self.add_counts({outcome: 1}, labels, classified_now=classified_now)

    def add_counts(
        self, outcomes: Mapping[str, int], labels: Mapping[str, int], *, classified_now: bool = True
    ) -> None:
        """Add counts of verdicts (or ``failed``) and of labels."""
        self._outcomes.update(outcomes)
        self._labels.update(labels)
        self._classified_now += classified_now * sum(outcomes.values())

    @property
    def total(self) -> int:
        """Number of rows."""
        return self._outcomes.total()

    @property
    def failed(self) -> int:
        """Number of rows with an error."""
        return self._outcomes["failed"]

    @property
    def rate(self) -> float:
        """Images per second."""
        return self._classified_now / max(self._clock() - self._started, 1e-9)

    def text(self) -> str:
        """One line per verdict, one per label, and the rate."""
        names = [*(verdict.value for verdict in Verdict), "failed"]
        outcomes = [self._line(name, self._outcomes[name]) for name in names]
        labels = [self._line(f"label {name}", count) for name, count in self._labels.most_common()]
        seconds = self._clock() - self._started
        now = "" if self._classified_now == self.total else f", {self._classified_now} of them now,"
        per_s = self.rate
        rate = f"{per_s:.0f}" if per_s >= 10 else f"{per_s:.1f}"
        total = f"{counted(self.total, 'picture')}{now} in {seconds:.1f} s ({rate}/s)"
        return "\n".join([*outcomes, *labels, total])

    def _line(self, name: str, count: int) -> str:
        return f"{name:<20} {count:>9}  {count / max(1, self.total):7.2%}"
