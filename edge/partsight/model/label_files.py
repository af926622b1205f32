"""Reads the labels of a model, in the order of its outputs, from a text of another tool.

The text is lines, JSON, or the metadata of an Ultralytics model; a line may contain the index of
the output. An ambiguous text is refused, because labels in the wrong order accept bad parts.
"""

from __future__ import annotations

import re
from pathlib import Path

from partsight.errors import ContractError
from partsight.model.label_documents import NAMES_BLOCK, labels_of_document, labels_of_yaml
from partsight.model.label_lines import INDEX_FIRST, labels_of_lines
from partsight.utils.tables import column_name
from partsight.utils.text_files import nfc, read_text, split_lines

__all__ = ["labels_in", "read_labels"]

_INDEX_HEADERS = frozenset({"index", "id", "classid", "classindex", "labelid", "number"})
_LABEL_HEADERS = frozenset({"label", "name", "class", "classname", "labelname"})
_COLUMN_SEPARATOR = re.compile("[,;\t|]")


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels in a file, in the order of the model's outputs; see ``labels_in``.

    Raises:
        ContractError: it cannot be read, or its indexes are ambiguous.
    """
    try:
        return labels_in(read_text(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise ContractError(
            f"cannot read the labels in {path}: {reason}. Expected a text in UTF-8 with one label "
            "per line."
        ) from error


def labels_in(text: str) -> tuple[str, ...]:
    """The labels in a text, in the order of the model's outputs.

    Lines are in that order, or each has an index: ``0 ok``, ``0: ok``, ``[0] ok``, ``ok,0``.
    Indexes start at 0 or at 1. JSON is a list, or an object from index to label or from label to
    index, at the top level or under ``names``, ``labels`` or similar. Labels are returned in
    Unicode form NFC, without spaces and quotes around them.

    Raises:
        ValueError: an index is missing or a duplicate, only some lines have one, or the text is
            not a list of labels.
    """
    text = text.strip()
    if text.startswith(("{", "[")) and not INDEX_FIRST.fullmatch(text.splitlines()[0]):
        labels = labels_of_document(text)
    elif block := NAMES_BLOCK.search(text):
        labels = labels_of_yaml(text, block)
    else:
        lines = [line.rstrip(",; \t") for line in split_lines(text) if line]
        lines = lines[1:] if lines and _is_header(lines[0]) else lines
        labels = labels_of_lines(lines)
    return tuple(map(_plain, labels))


def _is_header(line: str) -> bool:
    names = {column_name(field) for field in _COLUMN_SEPARATOR.split(line)}
    return len(names) == 2 and bool(names & _INDEX_HEADERS) and bool(names & _LABEL_HEADERS)


def _plain(label: str) -> str:
    text = nfc(label).strip()
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text
