"""Names that a model carries for people."""

from __future__ import annotations

from dataclasses import dataclass

from partsight.model.product import clean_product

__all__ = ["CardSettings"]


@dataclass(frozen=True, slots=True)
class CardSettings:
    """Names for the standard metadata of a model; the product goes into its contract.

    Attributes:
        model_name: name of the model.
        model_version: version of the model; empty uses the time of training.
        author: person or organization responsible for the model.
        license: licence of the model.
        product: product that the model inspects, as ``partsight.model.product`` compares it;
            None for a model of any product.

    Raises:
        ValueError: the product's name is not printable.
    """

    model_name: str = "partsight part classifier"
    model_version: str = ""
    author: str = ""
    license: str = ""
    product: str | None = None

    def __post_init__(self) -> None:
        if self.product is not None:
            object.__setattr__(self, "product", clean_product(self.product))
