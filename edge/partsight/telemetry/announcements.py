"""Limits the changes of state that are logged, so that a flapping component does not flood the log.

The first state of a component is always announced (after ``starting``, another one too). Further
changes are announced at once while the component has announcements left: at most ``SINK_BURST``
for a sink and ``BURST`` for another component, whose outage has several steps. One more is granted
per ``EVERY_S``. A change that must wait is replaced by later ones, and counted.
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
class _Component:
    """Last announced state of a component, the change that waits, and announcements left."""

    announced: State
    granted_at_s: float
    begun: bool
    most: int
    granted: float
    waiting: State | None = None
    suppressed: int = 0


class Announcements:
    """Decides for each component separately. Not thread-safe.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._components: dict[str, _Component] = {}
        self._waiting: set[str] = set()

    def changed(self, component: str, state: State) -> Change | None:
        """Note a change of state; return it if it is announced now."""
        known = self._components.get(component)
        if known is None or not known.begun:
            before = None if known is None else known.announced
            most = SINK_BURST if component.startswith("sink ") else BURST
            begun = state.name != "starting"
            self._components[component] = _Component(
                state, self._clock(), begun, most, granted=most
            )
            return Change(component, state, before)
        known.waiting, known.suppressed = state, known.suppressed + 1
        self._waiting.add(component)
        return self._announced(component, delayed=False) if self._grant(known) else None

    def due(self) -> list[Change]:
        """Return the changes that waited and are announced now."""
        ready = [
            component for component in self._waiting if self._grant(self._components[component])
        ]
        return self._all_announced(ready)

    def rest(self) -> list[Change]:
        """Return all changes that still wait; for the end of the line."""
        return self._all_announced(list(self._waiting))

    def _all_announced(self, components: Iterable[str]) -> list[Change]:
        return [self._announced(component, delayed=True) for component in sorted(components)]

    def _grant(self, known: _Component) -> bool:
        now_s = self._clock()
        earned = (now_s - known.granted_at_s) / EVERY_S
        known.granted, known.granted_at_s = min(known.most, known.granted + earned), now_s
        if known.granted < 1:
            return False
        known.granted -= 1
        return True

    def _announced(self, component: str, *, delayed: bool) -> Change:
        known = self._components[component]
        assert known.waiting is not None  # only waiting changes are announced
        change = Change(component, known.waiting, known.announced, known.suppressed - 1, delayed)
        known.announced, known.waiting, known.suppressed = known.waiting, None, 0
        self._waiting.discard(component)
        return change
