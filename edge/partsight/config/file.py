"""``partsight.toml``: read and checked, put in force, and written to.

What it says of models becomes the default of environment variables, so that the command line
beats the environment, the environment beats the file, and child processes see the same.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, ValidationError
from tomlkit.exceptions import TOMLKitError

from partsight.config.document import Config
from partsight.errors import ConfigError
from partsight.files import rewrite_atomic
from partsight.runtimes import RUNTIME_VARIABLE, THREADS_VARIABLE
from partsight.trust import PUBLIC_KEY_VARIABLE

__all__ = ["apply_config", "read_config", "save_choice"]


def read_config(path: Path) -> Config:
    """Read and check a configuration; its relative paths start at its folder.

    Raises:
        ConfigError: it cannot be read, is no TOML, or says what means nothing.
    """
    context = {"folder": path.absolute().parent}
    try:
        return Config.model_validate(_parsed(path).unwrap(), context=context)
    except ValidationError as error:
        raise ConfigError(f"{path} is wrong: {'; '.join(map(_told, error.errors()))}") from error


def apply_config(path: Path, environ: MutableMapping[str, str]) -> None:
    """Make what a configuration says the default of environment variables, unset or empty.

    Raises:
        ConfigError: see ``read_config``.
    """
    model = read_config(path).model
    said = {
        RUNTIME_VARIABLE: model.runtime,
        THREADS_VARIABLE: model.threads,
        PUBLIC_KEY_VARIABLE: model.public_key,
    }
    for name, value in said.items():
        if value is not None and not environ.get(name):
            environ[name] = str(value)


def save_choice(path: Path, runtime: str, threads: int) -> None:
    """Write runtime and threads into a configuration; all else in it stays, comments too.

    Raises:
        ConfigError: what is there cannot be read.
        OutputError: it cannot be written.
    """
    document = _parsed(path) if path.exists() else tomlkit.document()
    section = document.setdefault("model", tomlkit.table())
    section.update({"runtime": runtime, "threads": threads})
    rewrite_atomic(path, tomlkit.dumps(document).encode())


def _parsed(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"cannot read the configuration {path}: {reason}. Expected a text in TOML."
        ) from error


def _told(error: Any) -> str:
    """One of pydantic's errors in a line, with the key that was perhaps meant."""
    *places, key = error["loc"]
    name = ".".join(map(str, error["loc"]))
    if error["type"] != "extra_forbidden":
        return f"{name}: {error['msg']}. Received: {error['input']!r}"
    known = _keys(places)
    (nearest,) = difflib.get_close_matches(key, known, 1, 0) or [""]
    return f"{name} means nothing. Did you mean {nearest}? Known are {', '.join(known)}"


def _keys(places: list[Any]) -> list[str]:
    """What may stand in a table; a place in a list is a number, and then the table's kind."""
    sections: list[type[BaseModel]] = [Config]
    for place in filter(lambda each: isinstance(each, str), places):
        if len(sections) > 1:
            sections = [
                each
                for each in sections
                if place in typing.get_args(each.model_fields["kind"].annotation)
            ]
        else:
            sections = list(_sections(sections[0].model_fields[place].annotation))
    return list(sections[0].model_fields)


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """The tables that a type speaks of, be it one, a list of them, or one of several kinds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _sections(part)
