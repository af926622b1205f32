"""Putting a kept model in force, or the one before it; starting with the one that is.

Called by the command line, by the thread that looks for new models, and where the line starts.
Each change is one replacement of the pointer, under the store's lock.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from partsight.errors import ContractError, ModelError, OutputError
from partsight.model.file import ModelFile
from partsight.model.product import require_same_product, shown_product
from partsight.model_store.history import read_history, remember
from partsight.model_store.products import product_of
from partsight.model_store.store import (
    ModelStore,
    activated,
    add,
    locked,
    prune,
    read_stored,
    set_activated,
)
from partsight.utils.wall_clock import utc_now

__all__ = ["Start", "put_in_force", "record", "roll_back", "start_active"]

logger = logging.getLogger(__name__)

_Loaded = TypeVar("_Loaded")
Start = tuple[str, _Loaded, tuple[str, ...]]


def put_in_force(
    store: ModelStore, file: ModelFile, keep: int, found: Mapping[str, Any] | None = None
) -> str | None:
    """Keep a model that passed its examination, and make it the active one.

    Args:
        store: where.
        file: as it was examined.
        keep: how many models stay, see ``prune``.
        found: what the history holds of it: ``from``, ``by``, ``product``, findings.

    Returns:
        The digest of the one that was active before, if any.

    Raises:
        OutputError: it cannot be written; the one that was active stays.
    """
    with locked(store):
        before = activated(store)
        add(store, file)
        set_activated(store, [file.sha256, *(each for each in before if each != file.sha256)])
        record(store, "activated", file.sha256, **(found or {}))
        prune(store, keep)
    return before[0] if before else None


def roll_back(
    store: ModelStore, check: Callable[[bytes], object], found: Mapping[str, Any] | None = None
) -> tuple[str, str]:
    """Make the model active that was before the active one.

    Args:
        store: where.
        check: raises ``ModelError`` for one that cannot be put in force.
        found: what the history shall hold of it.

    Returns:
        The digest of the one that is active now, and of the one that was.

    Raises:
        ModelError: there was none before, or it is damaged.
        OutputError: the pointer cannot be written.
    """
    with locked(store):
        digests = activated(store)
        if len(digests) < 2:
            raise ModelError(
                f"there is nothing to roll back to in {store.folder}: expected a model that was "
                "active before this one. 'partsight model list' shows those that are kept."
            )
        check(read_stored(store, digests[1]))
        set_activated(store, digests[1:])
        record(store, "rolled_back", digests[1], was=digests[0], **(found or {}))
    return digests[1], digests[0]


def start_active(
    store: ModelStore, load: Callable[[bytes], _Loaded], product: str | None = None
) -> Start[_Loaded]:
    """Load the active model; if it has gone bad, the newest one before it that has not.

    One of another product than the active model's is passed over, and so is one with a product
    where the active model's is not known any more.

    Args:
        store: where.
        load: gives what runs a model, or raises ``ModelError``.
        product: that is configured, which ``load`` asks for; None takes the active model's.

    Returns:
        The digest, what ``load`` gave, and the reasons against those that were passed over.

    Raises:
        ModelError: none was ever active, or not one of them can be loaded.
    """
    reasons: list[str] = []
    candidates = activated(store) or _once_activated(store)
    for place, sha256 in enumerate(candidates):
        try:
            if place and product is None:
                _require_product_of(store, candidates[0], sha256)
            loaded = load(read_stored(store, sha256))
        except ModelError as error:
            reasons.append(f"{sha256[:12]}: {error}")
            logger.warning("the model %s cannot be run: %s", sha256[:12], error)
            continue
        if reasons:
            _fall_back(store, candidates[place:], reasons)
        return sha256, loaded, tuple(reasons)
    raise ModelError(
        f"no model can be started from {store.folder}: expected one that is active and whole, "
        f"received {'; '.join(reasons) or 'none'}. Put one in force: partsight model activate "
        "MODEL.tflite"
    )


def record(store: ModelStore, what: str, sha256: str, **more: Any) -> None:
    """Write to the history. A full disk loses the entry, not the line."""
    when = utc_now().isoformat(timespec="milliseconds")
    try:
        remember(store, {"at": when, "what": what, "sha256": sha256, **more})
    except OutputError as error:
        logger.warning("%s", error)


def _require_product_of(store: ModelStore, active: str, sha256: str) -> None:
    known, product = product_of(store, sha256)
    if not known:
        return
    active_known, expected = product_of(store, active)
    if not active_known and product is not None:
        raise ContractError(
            f"the product of the active model {active[:12]} is not known any more, and this model "
            f"is for {shown_product(product)}. If that is right, put it in force by hand: "
            "partsight model activate MODEL, or set models.product"
        )
    require_same_product(product, expected, "put one of its models in force by hand")


def _fall_back(store: ModelStore, digests: list[str], reasons: list[str]) -> None:
    # On a disk that cannot be written to, the next start finds the same and does the same.
    with contextlib.suppress(OutputError), locked(store):
        set_activated(store, digests)
        record(store, "fallback", digests[0], reason="; ".join(reasons))


def _once_activated(store: ModelStore) -> list[str]:
    """For a pointer that is lost: what the history says, newest first."""
    entries = [each for each in read_history(store) if each.get("what") != "refused"]
    named = [each["sha256"] for each in reversed(entries) if isinstance(each.get("sha256"), str)]
    return list(dict.fromkeys(named))
