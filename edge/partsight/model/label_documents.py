"""Reads labels from a JSON document or from the metadata of an Ultralytics model."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from partsight.model.label_indexes import by_index
from partsight.model.label_lines import labels_of_lines

__all__ = ["NAMES_BLOCK", "labels_of_document", "labels_of_yaml"]

# Keys of the labels in documents of other tools.
_KEYS = (
    *("names", "labels", "classes", "class_names", "label_map", "class_indices", "categories"),
    *("id2label", "label2id", "class_to_idx", "idx_to_class"),
)
_NAME_KEYS, _INDEX_KEYS = ("name", "label", "class"), ("id", "index")
# In YAML: ``names:``, followed by a list on the same line or below.
NAMES_BLOCK = re.compile(r"^names:[ \t]*(?P<inline>\S.*)?$", re.MULTILINE)
_ITEM = re.compile(r"[ \t]*(?:-[ \t]+|['\"]?(?P<index>\d+)['\"]?[ \t]*:[ \t]+)(?P<label>\S.*)")


def labels_of_document(text: str) -> list[str]:
    """The labels in JSON or in a Python literal of a dict or list.

    Raises:
        ValueError: it is neither, has no labels, or an index is missing or a duplicate.
    """
    return _labels(_parsed(text))


def labels_of_yaml(text: str, block: re.Match[str]) -> list[str]:
    """The labels under ``names:`` in YAML, found by ``NAMES_BLOCK``.

    Raises:
        ValueError: there are no labels, or an index is missing or a duplicate.
    """
    inline = (block["inline"] or "").partition(" #")[0].strip()
    if inline.startswith(("{", "[")):
        return _labels(_parsed(_quoted(inline)))
    items = []
    for line in text[block.end() :].lstrip("\n").splitlines():
        match = _ITEM.fullmatch(line)
        if match is None:
            break
        items.append((match["index"], match["label"].strip().strip("'\"")))
    if not items:
        raise ValueError("there are no labels under 'names'")
    if all(index is None for index, _ in items):
        return labels_of_lines([label for _, label in items])
    return by_index((int(index or 0), label) for index, label in items)


def _quoted(inline: str) -> str:
    """YAML's ``[a, b]`` and ``{0: a}`` as Python literals."""
    bare = re.compile(r"(?<=[\[{,:])\s*([^\s\[\]{}\"',:][^\[\]{}\"',:]*?)\s*(?=[\]},:])")
    return bare.sub(lambda match: repr(match[1]), inline)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (json.JSONDecodeError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError("it begins like JSON but is not valid JSON") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!a} occurs twice")
    return dict(pairs)


def _labels(document: Any) -> list[str]:
    if isinstance(document, Mapping):
        named = [key for key in _KEYS if isinstance(document.get(key), (list, dict))]
        return _of_keys({key: document[key] for key in named}) if named else _of_mapping(document)
    if isinstance(document, Sequence) and not isinstance(document, str):
        return _of_list(list(document))
    raise ValueError("it is not a list of labels")


def _of_keys(documents: Mapping[str, Any]) -> list[str]:
    """The labels under one key, or under several keys with the same labels."""
    found = {key: _labels(document) for key, document in documents.items()}
    (first, labels), *others = found.items()
    differing = next((key for key, each in others if each != labels), None)
    if differing is not None:
        raise ValueError(f"{first!a} and {differing!a} differ")
    return labels


def _of_mapping(document: Mapping[Any, Any]) -> list[str]:
    """The labels of an object from index to label, or from label to index."""
    if all(str(key).isdecimal() for key in document):
        return by_index((int(key), _name(value)) for key, value in document.items())
    if all(type(value) is int for value in document.values()):
        return by_index((value, str(key)) for key, value in document.items())
    raise ValueError("expected an object from index to label, or one of its keys: names or labels")


def _of_list(items: list[Any]) -> list[str]:
    if not any(isinstance(item, Mapping) for item in items):
        return labels_of_lines([_name(item) for item in items])
    if not all(isinstance(item, Mapping) for item in items):
        raise ValueError("it is a list of both texts and objects")
    indexes = [next((item[key] for key in _INDEX_KEYS if key in item), None) for item in items]
    if all(index is None for index in indexes):
        return [_name(item) for item in items]
    if not all(str(index).isdecimal() for index in indexes):
        raise ValueError("some labels have an index and others do not")
    named = zip(map(str, indexes), items, strict=True)
    return by_index((int(index), _name(item)) for index, item in named)


def _name(value: Any) -> str:
    if isinstance(value, Mapping):
        value = next((value[key] for key in _NAME_KEYS if key in value), None)
    if type(value) is int:  # labels of a model that recognizes digits
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"expected labels to be texts, received {value!a}")
    return value
