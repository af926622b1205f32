"""Structure of the configuration, from the JSON schema that pydantic makes of it.

Messages, the template and the reference are made from it, so a new section needs only its class.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

__all__ = ["Node", "Schema", "child", "keys_of", "located", "schema_of", "variants"]

Node = Mapping[str, Any]
_NOTHING: Node = {}


class Schema:
    """Schema of a section, which resolves references.

    Attributes:
        root: node of the section itself.
    """

    def __init__(self, document: Node) -> None:
        self._definitions: Node = document.get("$defs", _NOTHING)
        self.root = self.resolved(document)

    def resolved(self, node: Node) -> Node:
        """Return a node with its reference resolved and without the alternative "null".

        Entries next to the reference, such as a description, stay; ``doc`` is the description in
        the definition.
        """
        if "$ref" in node:
            target = self._definitions[node["$ref"].rpartition("/")[2]]
            others = {name: value for name, value in node.items() if name != "$ref"}
            return self.resolved({"doc": target.get("description", ""), **target, **others})
        options = [each for each in node.get("anyOf", ()) if each.get("type") != "null"]
        if len(options) == 1:
            others = {name: value for name, value in node.items() if name != "anyOf"}
            return self.resolved({**options[0], **others})
        return node


@functools.cache
def schema_of(section: type[BaseModel]) -> Schema:
    """Return the schema of a section."""
    return Schema(section.model_json_schema())


def variants(node: Node) -> Mapping[str, Node] | None:
    """Return the kinds of a table by its discriminator, or None if there is only one.

    They are in the order of the class; pydantic sorts the mapping of the discriminator.
    """
    mapping = node.get("discriminator", _NOTHING).get("mapping")
    if mapping is None:
        return None
    order = [each.get("$ref") for each in node.get("oneOf", ())]
    ordered = sorted(mapping.items(), key=lambda kind: kind[1] in order and order.index(kind[1]))
    return {tag: {"$ref": reference} for tag, reference in ordered}


def keys_of(node: Node) -> list[str]:
    """Return the keys of a table."""
    return list(node.get("properties", _NOTHING))


def child(node: Node, step: str | int, schema: Schema) -> Node | None:
    """Return the node one step below a resolved node, or None if the schema has none."""
    found: Any = None
    if isinstance(step, int):
        found = node.get("items")
    elif "properties" in node:
        found = node["properties"].get(step)
    else:
        found = (variants(node) or _NOTHING).get(step)
    return None if found is None else schema.resolved(found)


def located(steps: Iterable[str | int], schema: Schema) -> tuple[str, Node]:
    """Find the key that the ``loc`` of a pydantic error points to.

    Returns:
        Its name, such as ``sinks[0].host``, without the kinds that pydantic inserts, and its node,
        which is empty if the schema has none.
    """
    name, node = "", schema.root
    for step in steps:
        kind_only = isinstance(step, str) and "properties" not in node and variants(node)
        if isinstance(step, int):
            name += f"[{step}]"
        elif not kind_only:
            name += f".{step}" if name else step
        node = child(node, step, schema) or _NOTHING
    return name, node
