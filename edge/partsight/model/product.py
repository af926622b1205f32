"""The product that a model is for, and checks that it is the product of the line.

Two names are equal if their NFC forms without surrounding white space are equal. Case matters:
``A4`` and ``a4`` may be two products, and a refusal costs less than a wrong model.

Lines check every model: the argument, the store, new models, activation, rollback and the shadow
model. ``classify``, ``evaluate`` and the Python API run any model.
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
    """A product's name for comparison and storage: in NFC, stripped.

    Raises:
        ValueError: it is empty or not printable.
    """
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned or not cleaned.isprintable():
        raise ValueError("a product's name must be printable text, and not only white space")
    return cleaned


def same_product(one: str | None, other: str | None) -> bool:
    """Whether two names, or missing names, are equal."""
    if one is None or other is None:
        return one is other
    return clean_product(one) == clean_product(other)


def shown_product(product: str | None) -> str:
    """A product for messages: ``product 'M8 bolt'`` or ``no product name``."""
    return _UNNAMED if product is None else f"product {product!r}"


def require_configured_product(
    product: str | None, configured: str | None, name: str = "the model"
) -> None:
    """Refuse a model for another product than the configured one.

    Args:
        product: of the model's contract.
        configured: ``models.product`` of the configuration; None allows every product.
        name: of the model, for messages.

    Raises:
        ContractError: the model is for another product or names none.
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
    """Refuse a model for another product than that of the active model.

    Used if no product is configured. If the active model names no product, any model is accepted.

    Args:
        product: of the new model's contract.
        active: product of the active model.
        remedy: next step if the product is meant to change.
        name: of the model, for messages.

    Raises:
        ContractError: the model is for another product, or names none although the active one does.
    """
    if active is not None and not same_product(product, active):
        raise ContractError(
            f"{name} is for another product than the active model: expected "
            f"{shown_product(active)}, received {shown_product(product)}. {_next_step(product)}; "
            f"if the line makes another product now, {remedy}"
        )


def _next_step(product: str | None) -> str:
    if product is None:
        return "Name it at training with 'partsight train --product NAME'"
    return "Give a model for that product"
