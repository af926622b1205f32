"""What is known of the line at this moment: counts, levels, times and named states.

Every part of the line writes here, and depends on nothing else of ``health``. The metrics, the
status that sinks report and the watchdog read it.
"""

from __future__ import annotations

import bisect
import collections
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from partsight.telemetry.announcements import Announcements
from partsight.telemetry.state import CALM, Change, State
from partsight.utils.redaction import redact_text

__all__ = ["BUCKETS_S", "CALM", "METRICS", "Change", "Histogram", "Metric", "State", "Telemetry"]

logger = logging.getLogger(__name__)

# Upper bounds of the histograms' buckets, seconds.
BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is measured.

    Attributes:
        kind: a counter only grows, a gauge goes up and down, a histogram takes seconds.
        help: what it is, for people.
        label: what its values are told apart by, such as a verdict; empty where there is one.
    """

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    label: str = ""


METRICS: Mapping[str, Metric] = {
    "frames": Metric("counter", "Frames that the source gave."),
    "frames_dropped": Metric("counter", "Frames that a newer one replaced before it was used."),
    "frame_age_seconds": Metric("gauge", "Seconds since the last frame of a live source."),
    "source_restarts": Metric("counter", "Times that the source was opened again."),
    "verdicts": Metric("counter", "Verdicts given.", "verdict"),
    "faults": Metric("counter", "Parts that got the fail-safe verdict, by what was wrong.", "kind"),
    "unrecorded": Metric("counter", "Parts whose verdict could not be made durable: told nobody."),
    "latency": Metric("histogram", "Seconds that a stage of a verdict took.", "stage"),
    "delivered": Metric("counter", "Rows whose delivery a sink confirmed.", "sink"),
    "delivery_failures": Metric("counter", "Times that a sink could not hand on.", "sink"),
    "queue": Metric("gauge", "Rows that a sink has yet to hand on.", "sink"),
    "part_ids_missing": Metric("counter", "Triggers without a readable part id.", "why"),
    "pictures_kept": Metric("counter", "Pictures that were kept."),
    "pictures_lost": Metric("counter", "Pictures that could not be kept.", "cause"),
    "disk_free_bytes": Metric("gauge", "Room on the disk of the journal and of pictures.", "place"),
    "temperature_celsius": Metric("gauge", "Temperature of the device.", "zone"),
    "model_swaps": Metric("counter", "Models that were put in force or refused.", "outcome"),
    "shadow": Metric("counter", "Verdicts of the shadow model against the model's.", "agreement"),
    "drift": Metric("gauge", "Mean of the last subgroup of parts of a control chart.", "chart"),
    "drift_learned": Metric(
        "gauge", "Parts that the drift reference is learned from, where the model has none."
    ),
    "alarms": Metric("gauge", "1 while an alarm is raised.", "alarm"),
}


@dataclass(slots=True)
class Histogram:
    """Counts by bucket of ``BUCKETS_S``, one more above the last, and the sum in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0


OnChange = Callable[[str, State], None]
OnTold = Callable[[Change], None]
_Key = tuple[str, str]


class Telemetry:
    """Counts, levels, times and states; safe for threads.

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
        # Since when a part is in trouble, by the monotonic clock: the other one may be set.
        self._trouble_since_s: dict[str, float] = {}
        self._announcements = Announcements(clock)
        self._listeners: list[OnChange] = []
        self._told: list[OnTold] = []

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

    def state(self, part: str, name: str, detail: str = "") -> None:
        """Set the state of a part of the line, such as ``source``, ``model`` or ``sink mqtt``.

        Every change goes to the listeners of ``on_change``. The log and the listeners of
        ``on_told`` get it too, but of a part that flaps only about one change per minute, with
        the number of changes in between. The same state again only replaces the detail.
        Secrets in the detail, such as an address that a library quotes, are hidden here.
        """
        detail = redact_text(detail)
        with self._lock:
            before = self._states.get(part)
            changed = before is None or before.name != name
            since = self._now() if before is None or changed else before.since
            state = self._states[part] = State(name, since, detail)
            told = self._changed(part, state) if changed else []
            told += self._announcements.due()
            listeners = tuple(self._listeners) if changed else ()
        for listener in listeners:
            listener(part, state)
        self._tell(told)

    def _changed(self, part: str, state: State) -> list[Change]:
        if state.name in CALM:
            self._trouble_since_s.pop(part, None)
        else:
            self._trouble_since_s.setdefault(part, self._clock())
        change = self._announcements.changed(part, state)
        return [] if change is None else [change]

    def on_change(self, listener: OnChange) -> None:
        """Call a function at every change of state, in the thread that makes it."""
        with self._lock:
            self._listeners.append(listener)

    def on_told(self, listener: OnTold) -> None:
        """Call a function with every change that is logged: not with all of a part that flaps."""
        with self._lock:
            self._told.append(listener)

    def tell_due(self) -> None:
        """Tell changes that had to wait, if it is time; to be called about once a second."""
        with self._lock:
            told = self._announcements.due()
        self._tell(told)

    def tell_rest(self) -> None:
        """Tell every change that still waits; to be called when the line ends."""
        with self._lock:
            told = self._announcements.rest()
        self._tell(told)

    def _tell(self, told: Sequence[Change]) -> None:
        for change in told:
            logger.log(logging.WARNING if change.loud else logging.INFO, "%s", change)
            for listener in tuple(self._told):
                listener(change)

    def trouble_s(self, part: str) -> float:
        """Seconds since a part has last been in a state of ``CALM``; 0 where it is in one."""
        with self._lock:
            since_s = self._trouble_since_s.get(part)
            return 0.0 if since_s is None else self._clock() - since_s

    def values(self) -> dict[_Key, float]:
        """Counters and gauges by name and label."""
        with self._lock:
            return dict(self._values)

    def histograms(self) -> dict[_Key, Histogram]:
        """Histograms by name and label."""
        with self._lock:
            return {
                key: Histogram(list(each.counts), each.sum_s)
                for key, each in self._histograms.items()
            }

    def states(self) -> dict[str, State]:
        """States by part of the line."""
        with self._lock:
            return dict(self._states)

    def status(self) -> dict[str, Any]:
        """All but the times as plain JSON values, as sinks report it."""
        values: dict[str, Any] = {}
        for (name, label), value in sorted(self.values().items()):
            if METRICS[name].label:
                values.setdefault(name, {})[label] = value
            else:
                values[name] = value
        states = {
            part: {"state": state.name, "since": state.since, "detail": state.detail}
            for part, state in sorted(self.states().items())
        }
        return {"states": states, **values}


def _require(name: str, kind: str) -> None:
    if name not in METRICS or METRICS[name].kind != kind:
        raise ValueError(f"{name} is no {kind} of METRICS")
