"""The callback of ``--product`` for ``train`` and ``export``."""

from __future__ import annotations

import click

from partsight.model.product import clean_product

__all__ = ["product_name"]


def product_name(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The product's name in its canonical form; None if the option is not given."""
    if value is None:
        return None
    try:
        return clean_product(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}. Received: {value!r}") from error
