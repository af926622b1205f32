"""Activation of a stored model, rollback to the previous one, and loading the active one.

Called by the command line, by the thread that looks for new models, and when the line starts.
Each change replaces the pointer once, under the store's lock.
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

__all__ = ["Start", "activate_model", "record", "roll_back", "start_active"]

logger = logging.getLogger(__name__)

_Loaded = TypeVar("_Loaded")
Start = tuple[str, _Loaded, tuple[str, ...]]


def activate_model(
    store: ModelStore, file: ModelFile, keep: int, found: Mapping[str, Any] | None = None
) -> str | None:
    """Store a qualified model and make it the active one.

    Args:
        store: the store.
        file: the qualified model.
        keep: number of models to keep, see ``prune``.
        found: fields for the history: ``from``, ``by``, ``product``, findings.

    Returns:
        The SHA-256 of the previously active model, if any.

    Raises:
        OutputError: it cannot be written; the active model stays.
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
    """Activate the model that was active before the current one.

    Args:
        store: the store.
        check: raises ``ModelError`` for a model that must not be activated.
        found: fields for the history.

    Returns:
        The SHA-256 of the model that is active now, and of the one before.

    Raises:
        ModelError: there is no previous model, or it is damaged.
        OutputError: the pointer cannot be written.
    """
    with locked(store):
        digests = activated(store)
        if len(digests) < 2:
            raise ModelError(
                f"there is nothing to roll back to in {store.folder}: expected a model that was "
                "active before this one. 'partsight model list' shows the stored models."
            )
        check(read_stored(store, digests[1]))
        set_activated(store, digests[1:])
        record(store, "rolled_back", digests[1], was=digests[0], **(found or {}))
    return digests[1], digests[0]


def start_active(
    store: ModelStore, load: Callable[[bytes], _Loaded], product: str | None = None
) -> Start[_Loaded]:
    """Load the active model; if it cannot be loaded, the latest earlier one that can.

    Models of another product than the active one's are skipped, and if the active one's product
    is not known any more, models with a product.

    Args:
        store: the store.
        load: loads a model; raises ``ModelError``.
        product: the configured product, which ``load`` checks; None takes the active model's.

    Returns:
        The SHA-256, the result of ``load``, and the reasons why other models were skipped.

    Raises:
        ModelError: no model was ever active, or none can be loaded.
    """
    reasons: list[str] = []
    candidates = activated(store) or _once_activated(store)
    for position, sha256 in enumerate(candidates):
        try:
            if position and product is None:
                _require_product_of(store, candidates[0], sha256)
            loaded = load(read_stored(store, sha256))
        except ModelError as error:
            reasons.append(f"{sha256[:12]}: {error}")
            logger.warning("the model %s cannot be run: %s", sha256[:12], error)
            continue
        if reasons:
            _fall_back(store, candidates[position:], reasons)
        return sha256, loaded, tuple(reasons)
    raise ModelError(
        f"no model can be started from {store.folder}: expected an active, undamaged model, "
        f"received {'; '.join(reasons) or 'none'}. Activate one: partsight model activate "
        "MODEL.tflite"
    )


def record(store: ModelStore, what: str, sha256: str, **more: Any) -> None:
    """Write to the history. If that fails, only a warning is logged."""
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
            f"is for {shown_product(product)}. If that is right, activate it by hand: "
            "partsight model activate MODEL, or set models.product"
        )
    require_same_product(product, expected, "activate a model for that product by hand")


def _fall_back(store: ModelStore, digests: list[str], reasons: list[str]) -> None:
    # If the disk cannot be written, the next start falls back again.
    with contextlib.suppress(OutputError), locked(store):
        set_activated(store, digests)
        record(store, "fallback", digests[0], reason="; ".join(reasons))


def _once_activated(store: ModelStore) -> list[str]:
    """Return the models in the history, newest first; used if the pointer is lost."""
    entries = [each for each in read_history(store) if each.get("what") != "refused"]
    named = [each["sha256"] for each in reversed(entries) if isinstance(each.get("sha256"), str)]
    return list(dict.fromkeys(named))
