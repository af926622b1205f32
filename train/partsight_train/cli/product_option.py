"""The callback of ``--product``, which ``train`` and ``export`` share."""

from __future__ import annotations

import click

from partsight.model.product import clean_product

__all__ = ["product_name"]


def product_name(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A product's name as contracts hold it; None where the option is not given."""
    if value is None:
        return None
    try:
        return clean_product(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}. Received: {value!r}") from error
