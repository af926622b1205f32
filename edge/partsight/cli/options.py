"""A click option with former spellings: they keep working, but help does not show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.parser import _OptionParser

__all__ = ["RenamedOption"]


class RenamedOption(click.Option):
    """An option that also accepts its former names.

    Attributes:
        former: former spellings, such as ``--views``.
    """

    def __init__(
        self, declarations: Sequence[str], *, former: Sequence[str] = (), **attributes: Any
    ) -> None:
        super().__init__(declarations, **attributes)
        self.former = list(former)

    def add_to_parser(self, parser: _OptionParser, ctx: click.Context) -> None:
        """Called by click, which takes the spellings for help and for parsing from ``opts``."""
        current = self.opts
        self.opts = [*current, *self.former]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = current
