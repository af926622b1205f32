"""How the configuration is built, read from pydantic's JSON schema of it.

Enters: a section's class, or a node of its schema. Leaves: nodes. Messages, the file that
``config init`` writes and the reference are all made from this, so that a new section needs
nothing but itself.
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
    """The schema of a section, from which references are followed.

    Attributes:
        root: the node of the section itself.
    """

    def __init__(self, document: Node) -> None:
        self._definitions: Node = document.get("$defs", _NOTHING)
        self.root = self.resolved(document)

    def resolved(self, node: Node) -> Node:
        """A node without its reference and without "or nothing".

        What the reference is told beside it, such as a description, stays; ``doc`` is what the
        definition says of itself.
        """
        if "$ref" in node:
            target = self._definitions[node["$ref"].rpartition("/")[2]]
            beside = {name: value for name, value in node.items() if name != "$ref"}
            return self.resolved({"doc": target.get("description", ""), **target, **beside})
        options = [each for each in node.get("anyOf", ()) if each.get("type") != "null"]
        if len(options) == 1:
            beside = {name: value for name, value in node.items() if name != "anyOf"}
            return self.resolved({**options[0], **beside})
        return node


@functools.cache
def schema_of(section: type[BaseModel]) -> Schema:
    """The schema of a section, as files are validated by it."""
    return Schema(section.model_json_schema())


def variants(node: Node) -> Mapping[str, Node] | None:
    """The kinds that a table can be of, by what its discriminator says; None where there is one.

    In the order of the class; pydantic sorts the discriminator's own mapping.
    """
    mapping = node.get("discriminator", _NOTHING).get("mapping")
    if mapping is None:
        return None
    order = [each.get("$ref") for each in node.get("oneOf", ())]
    ordered = sorted(mapping.items(), key=lambda kind: kind[1] in order and order.index(kind[1]))
    return {tag: {"$ref": reference} for tag, reference in ordered}


def keys_of(node: Node) -> list[str]:
    """The keys that a table may have."""
    return list(node.get("properties", _NOTHING))


def child(node: Node, step: str | int, schema: Schema) -> Node | None:
    """What lies one step below a resolved node; None where the schema says nothing of it."""
    found: Any = None
    if isinstance(step, int):
        found = node.get("items")
    elif "properties" in node:
        found = node["properties"].get(step)
    elif variants(node):
        found = (variants(node) or _NOTHING).get(step)
    elif isinstance(node.get("additionalProperties"), Mapping):
        found = node["additionalProperties"]
    else:  # one of several types, by name
        named = [
            each for each in node.get("anyOf", ()) if each.get("$ref", "").endswith(f"/{step}")
        ]
        found = named[0] if named else None
    return None if found is None else schema.resolved(found)


def located(steps: Iterable[str | int], schema: Schema) -> tuple[str, Node]:
    """Where pydantic's ``loc`` of an error leads.

    Returns:
        Its name for people, such as ``sinks[0].host``, without the kinds that pydantic puts
        between; and its node, an empty one where the schema says nothing of it.
    """
    name, node = "", schema.root
    for step in steps:
        kind_only = isinstance(step, str) and "properties" not in node and (
            variants(node) or "anyOf" in node
        )  # fmt: skip
        if isinstance(step, int):
            name += f"[{step}]"
        elif not kind_only:
            name += f".{step}" if name else step
        node = child(node, step, schema) or _NOTHING
    return name, node
