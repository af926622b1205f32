"""Counters, gauges, times and named states of the line.

Every component of the line writes here. The metrics, the status that sinks report and the
watchdog read it.
"""

from __future__ import annotations

import bisect
import collections
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from partsight.telemetry.announcements import Announcements
from partsight.telemetry.metric_definitions import BUCKETS_S, METRICS, Histogram
from partsight.telemetry.state import CALM, Change, State
from partsight.utils.remote_text import remote_message

__all__ = ["CALM", "METRICS", "Change", "State", "Telemetry"]

logger = logging.getLogger(__name__)

OnChange = Callable[[str, State], None]
OnAnnounced = Callable[[Change], None]
_Key = tuple[str, str]


class Telemetry:
    """Counters, gauges, times and states. Thread-safe.

    Args:
        now: Unix seconds.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now, self._clock = now, clock
        self._lock = threading.Lock()
        self._values: collections.defaultdict[_Key, float] = collections.defaultdict(float)
        self._histograms: collections.defaultdict[_Key, Histogram]
        self._histograms = collections.defaultdict(Histogram)
        self._states: dict[str, State] = {}
        # By the monotonic clock, since the wall clock may be set.
        self._trouble_since_s: dict[str, float] = {}
        self._announcements = Announcements(clock)
        self._listeners: list[OnChange] = []
        self._announced: list[OnAnnounced] = []

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Add to a counter of ``METRICS``."""
        _require(name, "counter")
        with self._lock:
            self._values[name, label] += by

    def set(self, name: str, value: float, label: str = "") -> None:
        """Set a gauge of ``METRICS``."""
        _require(name, "gauge")
        with self._lock:
            self._values[name, label] = value

    def time(self, name: str, seconds: float, label: str = "") -> None:
        """Add to a histogram of ``METRICS``."""
        _require(name, "histogram")
        with self._lock:
            histogram = self._histograms[name, label]
            histogram.counts[bisect.bisect_left(BUCKETS_S, seconds)] += 1
            histogram.sum_s += seconds

    def state(self, component: str, name: str, detail: str = "") -> None:
        """Set the state of a component, such as ``source``, ``model`` or ``sink mqtt``.

        Every change goes to the listeners of ``on_change``. The log and the listeners of
        ``on_announced`` get it too, but for a flapping component only about one change per minute,
        with the number of changes in between. The same state again only replaces the detail.
        Secrets in the detail, such as an address quoted by a library, are redacted; it is escaped
        and shortened, see ``remote_message``.
        """
        detail = remote_message(detail)
        with self._lock:
            before = self._states.get(component)
            changed = before is None or before.name != name
            since = self._now() if before is None or changed else before.since
            state = self._states[component] = State(name, since, detail)
            changes = self._changed(component, state) if changed else []
            changes += self._announcements.due()
            listeners = tuple(self._listeners) if changed else ()
        for listener in listeners:
            listener(component, state)
        self._announce(changes)

    def _changed(self, component: str, state: State) -> list[Change]:
        if state.name in CALM:
            self._trouble_since_s.pop(component, None)
        else:
            self._trouble_since_s.setdefault(component, self._clock())
        change = self._announcements.changed(component, state)
        return [] if change is None else [change]

    def on_change(self, listener: OnChange) -> None:
        """Call a function at every change of state, in the thread that changes it."""
        with self._lock:
            self._listeners.append(listener)

    def on_announced(self, listener: OnAnnounced) -> None:
        """Call a function with every change that is logged; see ``state``."""
        with self._lock:
            self._announced.append(listener)

    def announce_due(self) -> None:
        """Announce changes that had to wait, if it is time; called about once a second."""
        with self._lock:
            changes = self._announcements.due()
        self._announce(changes)

    def announce_rest(self) -> None:
        """Announce every change that still waits; called when the line ends."""
        with self._lock:
            changes = self._announcements.rest()
        self._announce(changes)

    def _announce(self, changes: Sequence[Change]) -> None:
        for change in changes:
            logger.log(logging.WARNING if change.loud else logging.INFO, "%s", change)
            for listener in tuple(self._announced):
                listener(change)

    def trouble_s(self, component: str) -> float:
        """Return seconds since a component was last in a state of ``CALM``; 0 if it is in one."""
        with self._lock:
            since_s = self._trouble_since_s.get(component)
            return 0.0 if since_s is None else self._clock() - since_s

    def values(self) -> dict[_Key, float]:
        """Return counters and gauges by name and label."""
        with self._lock:
            return dict(self._values)

    def histograms(self) -> dict[_Key, Histogram]:
        """Return histograms by name and label."""
        with self._lock:
            return {
                key: Histogram(list(each.counts), each.sum_s)
                for key, each in self._histograms.items()
            }

    def states(self) -> dict[str, State]:
        """Return the state of each component."""
        with self._lock:
            return dict(self._states)

    def status(self) -> dict[str, Any]:
        """Return everything but the histograms as plain JSON values, as sinks report it."""
        values: dict[str, Any] = {}
        for (name, label), value in sorted(self.values().items()):
            if METRICS[name].label:
                values.setdefault(name, {})[label] = value
            else:
                values[name] = value
        states = {
            component: {"state": state.name, "since": state.since, "detail": state.detail}
            for component, state in sorted(self.states().items())
        }
        return {"states": states, **values}


def _require(name: str, kind: str) -> None:
    if name not in METRICS or METRICS[name].kind != kind:
        raise ValueError(f"{name} is no {kind} of METRICS")
