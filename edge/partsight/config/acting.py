"""Keys that are set but have no effect, such as keys that the configured source ignores.

A key that seems to protect the line but does nothing is dangerous: ``config check``, ``watch`` and
``capture`` refuse it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from partsight.config.settings import Setting, settings_of
from partsight.config.source_kind import LIVE, SourceKind, source_kinds
from partsight.errors import ConfigError

if TYPE_CHECKING:
    from partsight.config.document import Config

__all__ = ["ACTS_FOR", "NEEDS", "ignored_keys", "require_acting"]

_ALL = frozenset(SourceKind)
_REMOTE = frozenset({SourceKind.STREAM, SourceKind.SNAPSHOT})
_FOLDERS = frozenset({SourceKind.FOLDER, SourceKind.WATCHED_FOLDER})
_WATCHED = frozenset({SourceKind.WATCHED_FOLDER})

# Kinds of source for which a key acts, by the beginning of its name; the longest match counts.
ACTS_FOR: Mapping[str, frozenset[SourceKind]] = {
    "source.address": _ALL,
    "source.username": _REMOTE,
    "source.password_": _REMOTE,
    "source.realtime": frozenset({SourceKind.VIDEO}),
    "source.warm_up_frames": LIVE,
    "source.delay_s": LIVE,
    "source.open_timeout_s": LIVE,
    "source.stale_after_s": LIVE,
    "source.read_timeout_s": LIVE,
    "source.camera": frozenset({SourceKind.CAMERA}),
    "source.camera.fps": frozenset({SourceKind.CAMERA, SourceKind.SNAPSHOT}),
    "source.conditions": _ALL,
    "source.conditions.frozen_": _ALL - {SourceKind.FOLDER},
    "source.folder.watch": _FOLDERS,
    "source.folder": _WATCHED,
    # Votes of several frames of one part: each file in a folder is another part.
    "decision.votes": _ALL - _FOLDERS,
    "decision.window": _ALL - _FOLDERS,
}
# Keys, by the beginning of their names, that have no effect without another key, for which 'watch'
# has no option.
NEEDS: Mapping[str, str] = {
    "pictures.": "pictures.folder",
    "models.": "models.store",
    "trigger.part_id_words": "trigger.part_id_register",
}
_ACT_ALONE = frozenset({"models.product"})
# Triggers that fire for each frame. Others fire once per part: votes of other parts could accept a
# bad part.
_FREE_RUNNING = frozenset({"frame", "interval"})
# Values that switch a key off, if not 0 or false.
_OFF: Mapping[str, object] = {
    "decision.votes": 1,
    "decision.window": 1,
}


def ignored_keys(config: Config) -> Iterator[str]:
    """Yield a message for each key that is set and has no effect."""
    kinds = source_kinds(config.source)
    named = " or ".join(sorted(kind.value for kind in kinds))
    for setting in _set_by_hand(config):
        acts = _acts_for(setting.name)
        if kinds and acts is not None and not kinds & acts:
            kinds_of_key = " or ".join(kind.value for kind in SourceKind if kind in acts)
            yield (
                f"{setting.name} has no effect: the source is a {named}, and this key is for a "
                f"{kinds_of_key}. Remove the key, or set another source"
            )
    yield from _without_needed_keys(config)
    if config.decision.window > 1 and config.trigger.kind not in _FREE_RUNNING:
        yield (
            f"decision.window has no effect: the trigger {config.trigger.kind} fires once for each "
            "part, and frames of other parts must not vote. Remove votes and window, or use the "
            f"trigger {' or '.join(sorted(_FREE_RUNNING))}"
        )


def require_acting(config: Config) -> Config:
    """Return the configuration if every key that is set has an effect.

    Raises:
        ConfigError: a key has no effect.
    """
    ignored = list(ignored_keys(config))
    if ignored:
        raise ConfigError("; ".join(ignored))
    return config


def _without_needed_keys(config: Config) -> Iterator[str]:
    settings = list(settings_of(config))
    missing = {setting.name for setting in settings if setting.value is None}
    by_hand = {setting.name for setting in settings if setting.origin != "default"} - _ACT_ALONE
    for name in sorted(by_hand - missing):
        needed = next((NEEDS[each] for each in NEEDS if name.startswith(each)), None)
        if needed in missing:
            yield f"{name} has no effect without {needed}. Set {needed}, or remove {name}"


def _set_by_hand(config: Config) -> Iterator[Setting]:
    """Keys that are set to a value that switches something on.

    A key is None if a source of the command line replaces the configured one.
    """
    for name in ("source", "decision"):
        for setting in settings_of(getattr(config, name), f"{name}."):
            by_hand = setting.origin != "default" and name in config.model_fields_set
            off = (None, _OFF.get(setting.name, 0))
            if by_hand and setting.value not in off:
                yield setting


def _acts_for(name: str) -> frozenset[SourceKind] | None:
    """Kinds of source for which a key acts, or None if it acts for all."""
    named = [each for each in ACTS_FOR if name.startswith(each)]
    return ACTS_FOR[max(named, key=len)] if named else None
