"""Lists the models of a store with their facts."""

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
    """A stored model.

    Attributes:
        sha256: of the file.
        active: whether it is the active model.
        rollback: whether 'rollback' would activate it.
        labels: in the order of its outputs; empty for a damaged model.
        activated_at: when it was last activated, from the history.
        damage: why it cannot be read, or None.
        facts: facts stated in the file.
        came_from: file that it was stored from, from the history.
        acceptance: ``accuracy``, ``recall_of_bad`` and ``images`` of the acceptance set, from the
            history; None if not measured.
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
    """Return all stored models, oldest first, and an active model whose file is missing."""
    order, kept = activated(store), digests(store)
    missing = [sha256 for sha256 in order[:2] if sha256 not in kept]
    history = [each for each in read_history(store) if each.get("what") != "refused"]
    return [_listed(store, sha256, order, history) for sha256 in [*missing, *kept]]


def _listed(
    store: ModelStore, sha256: str, order: list[str], history: list[dict[str, Any]]
) -> Listed:
    entries = [each for each in history if each.get("sha256") == sha256]
    came_from = [str(each["from"]) for each in entries if "from" in each]
    position = order.index(sha256) if sha256 in order else -1
    labels: tuple[str, ...] = ()
    facts, damage = FileFacts(), None
    try:
        file = load_model_file(read_stored(store, sha256))
        labels, facts = file.contract.labels, file_facts(file)
    except ModelError as error:
        damage = str(error)
    return Listed(
        sha256,
        position == 0,
        position == 1,
        labels,
        str(entries[-1].get("at")) if entries else None,
        damage,
        facts,
        came_from[-1] if came_from else None,
        _acceptance(entries),
    )


def _acceptance(entries: list[dict[str, Any]]) -> Mapping[str, Any] | None:
    """Return the results on the acceptance set from its last qualification."""
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
    """Return the newest refusals, oldest first: ``at``, ``sha256``, ``from`` and ``reason``."""
    refused = [entry for entry in read_history(store) if entry.get("what") == "refused"]
    return refused[-most:]


def active_contract(store: ModelStore) -> Contract | None:
    """Return the contract of the active model; None if there is none, or it is damaged."""
    for sha256 in activated(store)[:1]:
        try:
            return load_model_file(read_stored(store, sha256)).contract
        except ModelError:
            return None
    return None
