"""``--config run.toml``: the options of a command from a TOML file.

Keys are option names with underscores. Values are as on the command line: text or numbers, true
or false for switches, arrays for options that may be repeated. Options on the command line
take precedence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from partsight.errors import ConfigError
from partsight.utils.redaction import remember_address
from partsight.utils.text_files import read_text

__all__ = ["apply_run_file", "names_in_run_file"]

_NAMES = f"{__name__}.names"


def apply_run_file(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Callback of an eager ``--config``: make the file's values the defaults.

    Raises:
        ConfigError: the file cannot be read, or a key or a value is wrong.
    """
    if path is None:
        return
    options = {
        key: option
        for option in ctx.command.params
        if isinstance(option, click.Option) and option is not parameter
        for key in _keys(option)
    }
    values: dict[str, Any] = {}
    for key, value in _read(path).items():
        if key not in options:
            raise ConfigError(f"{path}: unknown key {key!r}. {_nearest(key, options)}")
        option = options[key]
        if option.name in values:
            raise ConfigError(f"{path}: {key} is given twice, also under its former name")
        values[str(option.name)] = _checked(ctx, option, value, f"{path}: {key}")
    ctx.default_map = {**(ctx.default_map or {}), **values}
    ctx.meta[_NAMES] = frozenset(values)


def names_in_run_file(ctx: click.Context) -> frozenset[str]:
    """The names of the parameters that the file sets."""
    names: frozenset[str] = ctx.meta.get(_NAMES, frozenset())
    return names


def _keys(option: click.Option) -> Iterator[str]:
    for name in (*option.opts, *getattr(option, "former", ())):
        if name.startswith("--"):
            yield name[2:].replace("-", "_")


def _read(path: Path) -> dict[str, Any]:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document: dict[str, Any] = tomlkit.parse(read_text(path)).unwrap()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except (TOMLKitError, ValueError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from error
    return document


def _nearest(key: str, known: Mapping[str, click.Option]) -> str:
    """A question that names the option with the most similar spelling by its current name."""
    found = difflib.get_close_matches(key, known, 1, 0)
    return f"Did you mean {next(_keys(known[found[0]]))}? --help-all shows all options"


def _checked(ctx: click.Context, option: click.Option, value: Any, where: str) -> Any:
    """The value as the command line would give it, after a check of its type."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise ConfigError(f"{where}: expected true or false. Received: {value!r}")
        return value
    items = value if option.multiple and isinstance(value, list) else [value]
    for each in items:
        if isinstance(each, bool) or not isinstance(each, str | int | float):
            raise ConfigError(f"{where}: expected text or a number. Received: {each!r}")
    texts = [str(each) for each in items]
    for text in texts:
        if "://" in text:
            remember_address(text)  # its secrets must not appear in messages
    given = texts if option.multiple else texts[0]
    try:
        option.type_cast_value(ctx, given)
    except click.BadParameter as error:
        raise ConfigError(f"{where}: {error.message}") from error
    return given
