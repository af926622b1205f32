"""A configuration as a flat list of keys, values and origins. Secrets are not hidden here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

__all__ = ["Setting", "active_settings", "settings_of"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A key with its full name, such as ``sinks[0].host``, its value, and the origin of the value.

    The origin is ``file``, ``default`` or ``environment NAME``.
    """

    name: str
    value: Any
    origin: str


def settings_of(section: BaseModel, prefix: str = "", *, given: bool = True) -> Iterator[Setting]:
    """Yield every key with its value, in the order of the sections.

    Args:
        section: a configuration that was read from a file, or one of defaults.
        prefix: name of the section, with a dot at the end.
        given: whether the section was in the file.
    """
    for field, info in type(section).model_fields.items():
        value = getattr(section, field)
        here = given and field in section.model_fields_set
        name = prefix + (info.alias or field)
        yield from _flat(value, name, given=here)


def active_settings(
    section: BaseModel, variables: Mapping[str, str], environ: Mapping[str, str]
) -> Iterator[Setting]:
    """Yield every key with its value, replaced by that of the environment.

    Args:
        section: see ``settings_of``.
        variables: environment variable that replaces a key, by the name of the key.
        environ: environment variables.
    """
    for setting in settings_of(section):
        variable = variables.get(setting.name, "")
        value = environ.get(variable)
        yield Setting(setting.name, value, f"environment {variable}") if value else setting


def _flat(value: Any, name: str, *, given: bool) -> Iterator[Setting]:
    if isinstance(value, BaseModel):
        yield from settings_of(value, f"{name}.", given=given)
    elif isinstance(value, list | tuple) and any(isinstance(each, BaseModel) for each in value):
        for index, each in enumerate(value):
            yield from _flat(each, f"{name}[{index}]", given=given)
    else:
        yield Setting(name, value, "file" if given else "default")
