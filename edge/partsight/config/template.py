"""The file that ``config init`` writes: every key with its description and default, inactive.

Enters: a section's class. Leaves: a text in TOML that says the same as an empty one. A line
that starts with ``#`` and a key becomes active when the ``#`` is taken away.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pydantic import BaseModel

from partsight.config.keys import Key, Table, tables

__all__ = ["template"]

_INTRODUCTION = (
    "The configuration of partsight on this device. Every key is here, inactive, with its "
    "default; take the # away before the ones that you change, and before the [header] above "
    "them. 'partsight config check' tells what is wrong with this file."
)


def template(section: type[BaseModel]) -> str:
    """A file with every key of a section, all of them comments."""
    lines = [*_comment(_INTRODUCTION)]
    for table in tables(section):
        lines += _lines(table)
    return "\n".join(lines) + "\n"


def _lines(table: Table) -> Iterator[str]:
    if not table.header and not table.keys:
        return
    yield ""
    yield from _comment(table.description)
    if table.header:
        yield table.header if table.always else f"#{table.header}"
    for key in table.keys:
        yield from _comment(f"{key.description} Takes {key.takes}; {_default(key)}.".strip())
        yield f"#{key.name} = {key.example}"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    return "no default" if key.default is None else f"default {key.default}"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        96,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
