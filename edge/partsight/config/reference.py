"""Reference of the configuration, made from the sections.

``partsight config reference > docs/configuration.md`` writes it; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from partsight.config.keys import Key, Table, tables

__all__ = ["reference"]

_INTRODUCTION = """\
# The configuration

<!-- Made by: partsight config reference > docs/configuration.md -->

A device has one configuration, `partsight.toml`: the file that `--config` names, else the one
that the environment variable `PARTSIGHT_CONFIG` names, else `/etc/partsight/partsight.toml`.
The command line wins over the environment (`PARTSIGHT_RUNTIME`, `PARTSIGHT_THREADS`,
`PARTSIGHT_PUBLIC_KEY`), and the environment over the file. An unknown key is an error. A relative
path starts at the folder of the file. Passwords and other secrets are never in the file: a key
that ends in `_env` names an environment variable that holds one, a key that ends in `_file` a
file.

| command | what it does |
| --- | --- |
| `partsight config init` | writes a file with every key; with `--minimal` for a first line |
| `partsight config check` | reports errors in a file, and what cannot work on this device |
| `partsight config show` | prints the active values, and where each comes from |
"""


def reference(section: type[BaseModel]) -> str:
    """Return the reference of all keys of a section."""
    parts = [_INTRODUCTION]
    parts += ["\n".join(_lines(table)) + "\n" for table in tables(section) if table.keys]
    return "\n".join(parts)


def _lines(table: Table) -> Iterator[str]:
    kind = f" with `{table.kind}`" if table.kind else ""
    yield f"## `{table.header}`{kind}" if table.header else "## Before the first table"
    yield ""
    if table.description:
        yield table.description
        yield ""
    yield "| key | values | default | description |"
    yield "| --- | --- | --- | --- |"
    for key in table.keys:
        cells = (f"`{key.name}`", key.takes, _default(key), key.description)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    return "none" if key.default is None else f"`{key.default}`"
