"""Keys of ``[source]`` and ``[decision]`` that were set, and that the configured source ignores.

A key that looks as if it protected the line, and does nothing, is worse than none: ``config
check`` and the start of ``watch`` and ``capture`` refuse it. The table here says for which kinds
of source each key acts.
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

# For which kinds of source a key acts, by the beginning of its name; the longest one counts.
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
# Keys, by the beginning of their names, that do nothing on the line without another key, which no
# option of 'watch' gives.
NEEDS: Mapping[str, str] = {
    "pictures.": "pictures.folder",
    "models.": "models.store",
    "trigger.part_id_words": "trigger.part_id_register",
}
_ACT_ALONE = frozenset({"models.product"})
# Triggers that fire for each frame. All others fire once for each part: votes of other parts
# would accept a bad one.
_FREE_RUNNING = frozenset({"frame", "interval"})
# Values by which a key does nothing, where that is not 0 or false.
_OFF: Mapping[str, object] = {
    "decision.votes": 1,
    "decision.window": 1,
}


def ignored_keys(config: Config) -> Iterator[str]:
    """Each key that was set and cannot act, with what to do; a source without address has none."""
    kinds = source_kinds(config.source)
    named = " or ".join(sorted(kind.value for kind in kinds))
    for setting in _set_by_hand(config):
        acts = _acts_for(setting.name)
        if kinds and acts is not None and not kinds & acts:
            able = " or ".join(kind.value for kind in SourceKind if kind in acts)
            yield (
                f"{setting.name} cannot act: the source is a {named}, the key acts for a {able}. "
                "Remove the key, or set another source"
            )
    yield from _without_what_they_need(config)
    if config.decision.window > 1 and config.trigger.kind not in _FREE_RUNNING:
        yield (
            f"decision.window cannot act: the trigger {config.trigger.kind} fires once for each "
            "part, and other parts must not vote. Remove votes and window, or use the trigger "
            f"{' or '.join(sorted(_FREE_RUNNING))}"
        )


def require_acting(config: Config) -> Config:
    """The configuration itself, if every key that was set can act.

    Raises:
        ConfigError: one cannot.
    """
    ignored = list(ignored_keys(config))
    if ignored:
        raise ConfigError("; ".join(ignored))
    return config


def _without_what_they_need(config: Config) -> Iterator[str]:
    settings = list(settings_of(config))
    missing = {setting.name for setting in settings if setting.value is None}
    by_hand = {setting.name for setting in settings if setting.origin != "default"} - _ACT_ALONE
    for name in sorted(by_hand - missing):
        needed = next((NEEDS[each] for each in NEEDS if name.startswith(each)), None)
        if needed in missing:
            yield f"{name} cannot act without {needed}. Set that, or remove it"


def _set_by_hand(config: Config) -> Iterator[Setting]:
    """Keys that were set, without those that switch something off (false equals 0) or to None.

    ``None`` comes from the command line, where a source replaces the configured one.
    """
    for name in ("source", "decision"):
        for setting in settings_of(getattr(config, name), f"{name}."):
            by_hand = setting.origin != "default" and name in config.model_fields_set
            off = (None, _OFF.get(setting.name, 0))
            if by_hand and setting.value not in off:
                yield setting


def _acts_for(name: str) -> frozenset[SourceKind] | None:
    """None for a key that has nothing to do with the kind of source."""
    named = [each for each in ACTS_FOR if name.startswith(each)]
    return ACTS_FOR[max(named, key=len)] if named else None
