"""What of a changed configuration a running line can take over, and what needs a restart.

Enters: the configuration in force and the one that was read anew. Leaves: the changed keys, in
two heaps. Pure; called on SIGHUP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partsight.config.document import Config
from partsight.config.redaction import shown
from partsight.config.settings import settings_of

__all__ = ["RELOADABLE", "Change", "Changes", "changes"]

# Whether ``station.turn`` takes keys over while the line runs, by the beginnings of their names;
# the longest one counts. What is not named here needs a restart: it is held open, as a camera is.
RELOADABLE: Mapping[str, bool] = {
    "alarms": True,
    "decision": True,
    "models": True,
    "models.incoming": False,
    "models.product": False,
    "models.store": False,
}


@dataclass(frozen=True, slots=True)
class Change:
    """A key that has another value; None where it is not there. Secrets are hidden."""

    key: str
    before: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed.

    Attributes:
        taken_over: at the next turn of the loop.
        restart: only when the line is started again.
    """

    taken_over: tuple[Change, ...]
    restart: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.taken_over or self.restart)


def changes(before: Config, now: Config) -> Changes:
    """Compare two configurations, key by key."""
    old = {each.name: each.value for each in settings_of(before)}
    new = {each.name: each.value for each in settings_of(now)}
    changed = [
        Change(name, shown(name, old.get(name)), shown(name, new.get(name)))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    heaps: dict[bool, list[Change]] = {True: [], False: []}
    for change in changed:
        heaps[_reloadable(change.key)].append(change)
    return Changes(tuple(heaps[True]), tuple(heaps[False]))


def _reloadable(key: str) -> bool:
    named = [part for part in RELOADABLE if key == part or key.startswith((f"{part}.", f"{part}["))]
    return RELOADABLE[max(named, key=len)] if named else False
