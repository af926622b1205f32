"""Options that ``--help`` shows under headings: a command with fifty needs them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import click

__all__ = ["GroupedCommand", "Options", "group"]

Options = Sequence[Callable[[Callable[..., None]], Callable[..., None]]]

_OTHER = "Other"


class _GroupedOption(click.Option):
    def __init__(self, *arguments: Any, heading: str, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.heading = heading


class GroupedCommand(click.Command):
    """Writes the options of ``group`` under their headings, and the others last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Called by click."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                sections.setdefault(getattr(parameter, "heading", _OTHER), []).append(record)
        for heading in sorted(sections, key=_OTHER.__eq__):
            with formatter.section(heading):
                formatter.write_dl(sections[heading])


def group(heading: str) -> Callable[..., Any]:
    """A ``click.option`` whose options stand under one heading."""
    return functools.partial(click.option, cls=_GroupedOption, heading=heading, show_default=True)
