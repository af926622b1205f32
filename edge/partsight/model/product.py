"""Which product a model is for, and whether it may judge on a line of another.

Two names are equal where their NFC forms are, without white space at the ends. Case counts: ``A4``
and ``a4`` may be two products, and a refusal costs less than a wrong model.

The rule holds wherever a line takes a model: its argument, the store, new models, activation,
rollback and the shadow model. ``classify``, ``evaluate`` and the Python API run any model.
"""

from __future__ import annotations

import unicodedata

from partsight.errors import ContractError

__all__ = [
    "clean_product",
    "require_configured_product",
    "require_same_product",
    "same_product",
    "shown_product",
]

_UNNAMED = "no product name"


def clean_product(name: str) -> str:
    """A product's name as it is compared and kept: NFC, without white space at the ends.

    Raises:
        ValueError: nothing is left of it, or it is not printable.
    """
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned or not cleaned.isprintable():
        raise ValueError("a product's name must be printable text, and not only white space")
    return cleaned


def same_product(one: str | None, other: str | None) -> bool:
    """Whether two names, or the lack of one, are of the same product."""
    if one is None or other is None:
        return one is other
    return clean_product(one) == clean_product(other)


def shown_product(product: str | None) -> str:
    """A product for messages: ``product 'M8 bolt'`` or ``no product name``."""
    return _UNNAMED if product is None else f"product {product!r}"


def require_configured_product(
    product: str | None, configured: str | None, name: str = "the model"
) -> None:
    """Refuse a model that is not of the product that this device is configured for.

    Args:
        product: of the model's contract.
        configured: ``models.product`` of the configuration; None allows every product.
        name: of the model, for messages.

    Raises:
        ContractError: it is of another product, or names none.
    """
    if configured is not None and not same_product(product, configured):
        raise ContractError(
            f"{name} is not for this line: expected {shown_product(configured)} "
            f"(models.product), received {shown_product(product)}. {_next_step(product)}, or "
            "correct models.product"
        )


def require_same_product(
    product: str | None, active: str | None, remedy: str, name: str = "the model"
) -> None:
    """Refuse a model of another product than the active one, where no product is configured.

    Where the active model names no product nothing can be compared: any model is accepted, and
    the first one with a name says which product the line makes.

    Args:
        product: of the new model's contract.
        active: of the active model's.
        remedy: what to do where the change of product is meant.
        name: of the model, for messages.

    Raises:
        ContractError: it is of another product, or names none where the active one does.
    """
    if active is not None and not same_product(product, active):
        raise ContractError(
            f"{name} is of another product than the active model: expected "
            f"{shown_product(active)}, received {shown_product(product)}. {_next_step(product)}; "
            f"if the line makes another product now, {remedy}"
        )


def _next_step(product: str | None) -> str:
    if product is None:
        return "Name it at training, by 'partsight train --product NAME'"
    return "Give a model of that product"
