"""Tables and keys of the configuration with their values, for the template and the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from pydantic import BaseModel

from partsight.config.schema import Node, Schema, schema_of, variants

__all__ = ["Key", "Table", "tables", "toml_text"]


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table.

    Attributes:
        name: name in the file.
        takes: allowed values, in words.
        default: default in TOML, or None without one.
        example: an allowed value, in TOML.
        required: whether the key must be set.
        description: purpose of the key.
    """

    name: str
    takes: str
    default: str | None
    example: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file, or one kind of it.

    Attributes:
        header: header in the file, such as ``[source.camera]`` or ``[[sinks]]``; empty for the
            keys before the first header.
        description: purpose of the table.
        keys: keys of the table itself.
        always: whether the table exists with defaults if the file does not have it.
        kind: kind of the table, as ``kind = "mqtt"``; empty if there is only one.
    """

    header: str
    description: str
    keys: tuple[Key, ...]
    always: bool
    kind: str = ""


def tables(section: type[BaseModel]) -> Iterator[Table]:
    """Yield all tables, each before its inner tables."""
    schema = schema_of(section)
    return _below(schema.root, "", schema, always=True, description="")


def toml_text(value: Any) -> str:
    """Return a value in TOML."""
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update(value)
        return str(table.as_string())
    text: str = tomlkit.item(value).as_string()
    return text


def _below(
    node: Node, path: str, schema: Schema, *, always: bool, description: str, kind: str = ""
) -> Iterator[Table]:
    """Yield a table and its inner tables; ``path`` is its header with brackets."""
    properties = {name: schema.resolved(raw) for name, raw in node["properties"].items()}
    inner = {name: value for name, value in properties.items() if _is_table(value, schema)}
    required = node.get("required", ())
    keys = tuple(
        _key(name, value, schema, required=name in required)
        # The kind comes first: the other keys depend on it.
        for name, value in sorted(
            properties.items(), key=lambda item: not kind.startswith(f"{item[0]} =")
        )
        if name not in inner
    )
    yield Table(path, description, keys, always, kind)
    for name, value in inner.items():
        exists = always and isinstance(value.get("default", {}), Mapping) and name not in required
        yield from _tables_of(value, _joined(path, name), schema, always=exists)


def _tables_of(value: Node, path: str, schema: Schema, *, always: bool) -> Iterator[Table]:
    """Yield the tables that a key holds."""
    description = value.get("description", "")
    if "items" in value:
        item = {"description": description, **schema.resolved(value["items"])}
        yield from _tables_of(item, f"[{path}]", schema, always=False)
    elif (kinds := variants(value)) is not None:
        key = value["discriminator"]["propertyName"]
        for tag, raw in kinds.items():
            one, kind = schema.resolved(raw), f"{key} = {toml_text(tag)}"
            yield from _below(
                one, path, schema, always=False, description=one.get("doc", ""), kind=kind
            )
    else:
        yield from _below(value, path, schema, always=always, description=description)


def _is_table(value: Node, schema: Schema) -> bool:
    if "properties" in value or variants(value) is not None:
        return True
    inner = value.get("items")
    return isinstance(inner, Mapping) and _is_table(schema.resolved(inner), schema)


def _joined(path: str, name: str) -> str:
    # A table inside one of a list: [sinks.tls] belongs to the [[sinks]] before it.
    inside = path.strip("[]")
    return f"[{inside}.{name}]" if inside else f"[{name}]"


def _key(name: str, value: Node, schema: Schema, *, required: bool) -> Key:
    default = value.get("const", value.get("default"))
    text = None if default is None else toml_text(default)
    example = text or toml_text(_example(value, schema))
    description = " ".join(value.get("description", "").split())
    return Key(name, _takes(value, schema), text, example, required, description)


_TYPES = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}


def _takes(value: Node, schema: Schema) -> str:
    """Describe the allowed values of a key."""
    if "const" in value:
        return toml_text(value["const"])
    if "enum" in value:
        return " or ".join(map(toml_text, value["enum"]))
    if value.get("type") == "array":
        items = (_takes(schema.resolved(each), schema) for each in value["prefixItems"])
        return "[" + ", ".join(items) + "]"
    text = "a path" if value.get("format") == "path" else "a text"
    return _TYPES.get(value.get("type", ""), text) + _bounds(value)


_BOUNDS = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"),
           ("exclusiveMaximum", "below"))  # fmt: skip


def _bounds(value: Node) -> str:
    return "".join(f" {word} {value[name]}" for name, word in _BOUNDS if name in value)


def _example(value: Node, schema: Schema) -> Any:
    """Return an example for a key without default."""
    if "enum" in value:
        return value["enum"][0]
    if value.get("type") == "array":
        return [_example(schema.resolved(each), schema) for each in value["prefixItems"]]
    least = value.get("minimum", value.get("exclusiveMinimum", -1) + 1)
    return {"boolean": True, "integer": least, "number": least}.get(value.get("type", ""), "...")
