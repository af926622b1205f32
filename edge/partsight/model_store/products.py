"""Products of the models of a store, and descriptions of models for messages."""

from __future__ import annotations

from partsight.errors import ModelError
from partsight.model.contract import Contract
from partsight.model.file import load_model_file
from partsight.model.product import shown_product
from partsight.model_store.history import read_history
from partsight.model_store.store import ModelStore, activated, read_stored
from partsight.utils.printable import printable

__all__ = ["UNNAMED_NOTE", "active_product", "described", "product_of"]

UNNAMED_NOTE = (
    "neither this model nor the one before it has a product name, so a model of another product "
    "with the same labels cannot be distinguished. Name it at training: "
    "partsight train --product NAME"
)


def product_of(store: ModelStore, sha256: str) -> tuple[bool, str | None]:
    """Return the product of a stored model, from the file or else from the history.

    Returns:
        Whether it is known, and the product; None if the model names none.
    """
    try:
        return True, load_model_file(read_stored(store, sha256)).contract.product
    except ModelError:  # damaged or gone; the history may still have it
        for entry in reversed(read_history(store)):
            if entry.get("sha256") == sha256 and "product" in entry:
                product = entry["product"]
                return True, product if isinstance(product, str) else None
    return False, None


def active_product(store: ModelStore) -> str | None:
    """Return the product of the active model; None if it names none, or none is active."""
    for sha256 in activated(store)[:1]:
        return product_of(store, sha256)[1]
    return None


def described(sha256: str, contract: Contract | None) -> str:
    """Describe a model for people: ``3f2a9c1d0b7e (product 'M8 bolt', version 2)``."""
    if contract is None:
        return sha256[:12]
    version = f", version {printable(contract.version)}" if contract.version else ""
    return f"{sha256[:12]} ({shown_product(contract.product)}{version})"
