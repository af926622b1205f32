"""Which changes of state are told: a part that flaps does not flood the log and the journal.

Each part of the line may tell its first state (after ``starting``, another one). Further changes
are told at once while the part has some left: at most ``SINK_BURST`` of a sink and ``BURST`` of
another part, whose outage has steps. One more is granted per ``EVERY_S``. A change that must wait
is replaced by later ones, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from partsight.telemetry.state import Change, State

__all__ = ["BURST", "EVERY_S", "SINK_BURST", "Announcements"]

BURST = 3
SINK_BURST = 1
EVERY_S = 60.0


@dataclass(slots=True)
class _Part:
    """What was told of a part, what waits, and how many changes it may still tell."""

    told: State
    granted_at_s: float
    begun: bool
    most: int
    granted: float
    waiting: State | None = None
    untold: int = 0


class Announcements:
    """Decides for every part by itself. Not safe for threads.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._parts: dict[str, _Part] = {}
        self._waiting: set[str] = set()

    def changed(self, part: str, state: State) -> Change | None:
        """Note a change of state; return it if it is to be told now."""
        known = self._parts.get(part)
        if known is None or not known.begun:
            before = None if known is None else known.told
            most = SINK_BURST if part.startswith("sink ") else BURST
            begun = state.name != "starting"
            self._parts[part] = _Part(state, self._clock(), begun, most, granted=most)
            return Change(part, state, before)
        known.waiting, known.untold = state, known.untold + 1
        self._waiting.add(part)
        return self._told(part, delayed=False) if self._grant(known) else None

    def due(self) -> list[Change]:
        """Changes that waited and are to be told now."""
        ready = [part for part in self._waiting if self._grant(self._parts[part])]
        return self._all_told(ready)

    def rest(self) -> list[Change]:
        """All changes that wait, for the end of the line, after which none can be told."""
        return self._all_told(list(self._waiting))

    def _all_told(self, parts: Iterable[str]) -> list[Change]:
        return [self._told(part, delayed=True) for part in sorted(parts)]

    def _grant(self, known: _Part) -> bool:
        now_s = self._clock()
        earned = (now_s - known.granted_at_s) / EVERY_S
        known.granted, known.granted_at_s = min(known.most, known.granted + earned), now_s
        if known.granted < 1:
            return False
        known.granted -= 1
        return True

    def _told(self, part: str, *, delayed: bool) -> Change:
        known = self._parts[part]
        assert known.waiting is not None  # only what waits is told
        change = Change(part, known.waiting, known.told, known.untold - 1, delayed)
        known.told, known.waiting, known.untold = known.waiting, None, 0
        self._waiting.discard(part)
        return change
