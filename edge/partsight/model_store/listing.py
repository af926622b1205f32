"""The models of a store, for people and for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partsight.errors import ModelError
from partsight.model.contract import Contract
from partsight.model.facts import FileFacts, file_facts
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
        facts: what the file says of itself.
        came_from: the file that it was put in from, where the history says so.
        acceptance: ``accuracy``, ``recall_of_bad`` and ``images`` of the acceptance set, as far as
            the history has them; None where none was measured.
    """

    sha256: str
    active: bool
    rollback: bool
    labels: tuple[str, ...]
    activated_at: str | None
    damage: str | None
    facts: FileFacts = FileFacts()
    came_from: str | None = None
    acceptance: Mapping[str, Any] | None = None


def listed(store: ModelStore) -> list[Listed]:
    """All kept models, oldest first; an active one that is missing comes too."""
    in_force, kept = activated(store), digests(store)
    missing = [sha256 for sha256 in in_force[:2] if sha256 not in kept]
    history = [each for each in read_history(store) if each.get("what") != "refused"]
    return [_listed(store, sha256, in_force, history) for sha256 in [*missing, *kept]]


def _listed(
    store: ModelStore, sha256: str, in_force: list[str], history: list[dict[str, Any]]
) -> Listed:
    entries = [each for each in history if each.get("sha256") == sha256]
    came_from = [str(each["from"]) for each in entries if "from" in each]
    place = in_force.index(sha256) if sha256 in in_force else -1
    labels: tuple[str, ...] = ()
    facts, damage = FileFacts(), None
    try:
        file = load_model_file(read_stored(store, sha256))
        labels, facts = file.contract.labels, file_facts(file)
    except ModelError as error:
        damage = str(error)
    return Listed(
        sha256,
        place == 0,
        place == 1,
        labels,
        str(entries[-1].get("at")) if entries else None,
        damage,
        facts,
        came_from[-1] if came_from else None,
        _acceptance(entries),
    )


def _acceptance(entries: list[dict[str, Any]]) -> Mapping[str, Any] | None:
    """What its last examination measured on the acceptance set."""
    measured = [each for each in entries if each.get("challenge_pictures")]
    if not measured:
        return None
    last = measured[-1]
    return {
        "accuracy": last.get("accuracy"),
        "recall_of_bad": last.get("recall_of_bad"),
        "images": last["challenge_pictures"],
    }


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
