"""Changes of the configuration that a running line takes over, and changes that need a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partsight.config.document import Config
from partsight.config.redaction import shown
from partsight.config.settings import settings_of

__all__ = ["RELOADABLE", "Change", "Changes", "changes"]

# Whether the line takes keys over while it runs, by the beginning of their names; the longest match
# counts. Other keys need a restart: they belong to something that is open, such as a camera.
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
    """A key with another value; None if the key does not exist. Secrets are hidden."""

    key: str
    before: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Changes:
    """Changed keys.

    Attributes:
        taken_over: changes that the running line takes over.
        restart: changes that take effect when the line is started again.
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
    by_reloadable: dict[bool, list[Change]] = {True: [], False: []}
    for change in changed:
        by_reloadable[_reloadable(change.key)].append(change)
    return Changes(tuple(by_reloadable[True]), tuple(by_reloadable[False]))


def _reloadable(key: str) -> bool:
    named = [part for part in RELOADABLE if key == part or key.startswith((f"{part}.", f"{part}["))]
    return RELOADABLE[max(named, key=len)] if named else False
