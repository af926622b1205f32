"""A command with many options: short help, complete help, and headings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import click

from partsight.cli.options import RenamedOption

__all__ = ["GroupedCommand", "GroupedOption", "group"]

_OTHER = "Other"
_COMPLETE = f"{__name__}.complete"


class GroupedOption(RenamedOption):
    """An option under a heading; only a basic one is part of the short help."""

    def __init__(
        self, declarations: Sequence[str], *, heading: str, basic: bool = False, **attributes: Any
    ) -> None:
        for kind, metavar in ((click.IntRange, "N"), (click.FloatRange, "X")):
            if isinstance(attributes.get("type"), kind):
                attributes.setdefault("metavar", metavar)
        super().__init__(declarations, **attributes)
        self.heading, self.basic = heading, basic


class GroupedCommand(click.Command):
    """Shows basic options under their headings with ``--help``, all with ``--help-all``."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Called by click: the declared parameters, ``--help-all`` and ``--help``."""
        *declared, help_option = super().get_params(ctx)
        return [*declared, help_option, _help_all_option()]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Called by click."""
        complete = ctx.meta.get(_COMPLETE, False)
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if not isinstance(parameter, click.Option):
                continue
            record = parameter.get_help_record(ctx)
            if record is not None and (complete or getattr(parameter, "basic", True)):
                sections.setdefault(getattr(parameter, "heading", _OTHER), []).append(record)
        for heading in sorted(sections, key=_OTHER.__eq__):
            with formatter.section(heading):
                formatter.write_dl(sections[heading])


def group(heading: str) -> Callable[..., Any]:
    """A ``click.option`` for the options under one heading."""
    return functools.partial(click.option, cls=GroupedOption, heading=heading, show_default=True)


def _help_all_option() -> click.Option:
    return click.Option(
        ["--help-all"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_show_all,
        help="Show all options and exit.",
    )


def _show_all(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        ctx.meta[_COMPLETE] = True
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()
