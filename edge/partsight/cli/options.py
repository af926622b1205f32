"""Kinds of options: former spellings that keep working, and paths on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.parser import _OptionParser

__all__ = ["LocalPath", "RenamedOption"]


class LocalPath(click.Path):
    """A file or folder to write on this machine; an address such as ``s3://...`` is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Called by click."""
        from partsight.inputs.addresses import refused_address

        if isinstance(value, str) and (refused := refused_address(value)) is not None:
            self.fail(
                f"{refused.name} is an address, not a path on this machine. Write to a local path, "
                "and copy the result",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


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
