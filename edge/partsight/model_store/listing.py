"""The models of a store, for people and for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from partsight.errors import ModelError
from partsight.model.contract import Contract
from partsight.model.file import load_model_file
from partsight.model_store.history import read_history
from partsight.model_store.store import ModelStore, activated, digests, read_stored

__all__ = ["Listed", "active_contract", "listed", "refusals"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A kept model.

    Attributes:
        sha256: its digest.
        active: whether it is the one in force.
        rollback: whether it is the one that 'rollback' puts in force.
        labels: in the order of its outputs; none of a damaged one.
        activated_at: when it was last put in force, where the history says so.
        damage: what is wrong with it, or None.
    """

    sha256: str
    active: bool
    rollback: bool
    labels: tuple[str, ...]
    activated_at: str | None
    damage: str | None


def listed(store: ModelStore) -> list[Listed]:
    """All kept models, oldest first; an active one that is missing comes too."""
    in_force = activated(store)
    when = {
        entry.get("sha256"): str(entry.get("at"))
        for entry in read_history(store)
        if entry.get("what") != "refused"
    }
    kept = digests(store)
    missing = [sha256 for sha256 in in_force[:2] if sha256 not in kept]
    rows = []
    for sha256 in [*missing, *kept]:
        labels, damage = _read(store, sha256)
        place = in_force.index(sha256) if sha256 in in_force else -1
        rows.append(Listed(sha256, place == 0, place == 1, labels, when.get(sha256), damage))
    return rows


def refusals(store: ModelStore, most: int = 10) -> list[dict[str, Any]]:
    """The newest refusals, oldest first: ``at``, ``sha256``, ``from`` and ``reason``."""
    refused = [entry for entry in read_history(store) if entry.get("what") == "refused"]
    return refused[-most:]


def active_contract(store: ModelStore) -> Contract | None:
    """What the active model says of itself; None where none is active, or it is damaged."""
    for sha256 in activated(store)[:1]:
        try:
            return load_model_file(read_stored(store, sha256)).contract
        except ModelError:
            return None
    return None


def _read(store: ModelStore, sha256: str) -> tuple[tuple[str, ...], str | None]:
    try:
        return load_model_file(read_stored(store, sha256)).contract.labels, None
    except ModelError as error:
        return (), str(error)
