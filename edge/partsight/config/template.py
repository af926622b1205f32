"""Files that ``config init`` writes: one with every key, inactive, and one for a first line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pydantic import BaseModel

from partsight.config.keys import Key, Table, tables

__all__ = ["MINIMAL", "template"]

_INTRODUCTION = (
    "The configuration of partsight on this device, with every key. The keys are inactive and show "
    "their defaults: remove the # of the keys that you change, and of the [header] above them. "
    "'partsight config check' reports errors in this file."
)

MINIMAL = """\
# Configuration of a first line. Change the values, then run 'partsight config check'.
# 'partsight config init' writes a file with every key.

[source]
# Camera number, /dev/videoN, rtsp:// or http:// address, video file or folder.
address = "0"

[trigger]
# "frame" inspects every frame, "presence" each part once; or interval, mqtt, http, modbus, key.
kind = "presence"

[models]
# Folder of the models. Put the first one in with 'partsight model activate MODEL'.
store = "models"

[journal]
# Record of the verdicts, from which sinks are fed.
path = "journal.db"

[[sinks]]
# Verdicts as JSON lines; or csv, stdout, mqtt, webhook, modbus.
kind = "jsonl"
path = "verdicts.jsonl"
"""


def template(section: type[BaseModel]) -> str:
    """Return a file with every key of a section as a comment, equivalent to an empty file."""
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
