"""Callbacks that check or convert the values of options of ``train`` and ``export``."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import click

from partsight.image.spec import PreprocessSpec
from partsight.model.product import clean_product
from partsight_train.settings import PRESETS, AugmentSettings
from partsight_train.tune.space import AUGMENTATIONS

__all__ = ["apply_augmentations", "apply_preset", "product_name", "region", "rows_and_columns"]

_TILES = re.compile(r"([1-9]\d?)x([1-9]\d?)")


def product_name(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The product's name in its canonical form; None if the option is not given."""
    if value is None:
        return None
    try:
        return clean_product(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}. Received: {value!r}") from error


def apply_preset(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Make the values of ``--preset`` the defaults."""
    if value is not None:
        # The values of --config come first, no matter which callback runs first.
        ctx.default_map = {**PRESETS[value], **(ctx.default_map or {})}


def apply_augmentations(
    ctx: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> None:
    """Make the settings of ``--augment`` the defaults."""
    default = AugmentSettings()
    values: dict[str, Any] = {}
    for name in names:
        chosen = dataclasses.asdict(AUGMENTATIONS[name])
        values |= {key: value for key, value in chosen.items() if value != getattr(default, key)}
    ctx.default_map = {**values, **(ctx.default_map or {})}


def region(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    """The shares (left, top, width, height) of ``--roi``; None if it is not given."""
    if value is None:
        return None
    expected = "expected four shares of the image, such as 0.25,0,0.5,1"
    try:
        left, top, width, height = map(float, value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{expected}. Received: {value!r}") from error
    try:
        return PreprocessSpec(1, 1, roi=(left, top, width, height)).roi
    except ValueError as error:
        raise click.BadParameter(f"{expected}: {error}") from error


def rows_and_columns(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    """The numbers of ``--tiles``."""
    found = _TILES.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"expected rows and columns, such as 2x3. Received: {value!r}")
    return int(found[1]), int(found[2])
