"""Reads the part id from the payload of a trigger.

A payload is text: UTF-8, or UTF-16 if its byte order mark or its zero bytes say so. Blanks, line
ends, zero bytes and byte order marks around it are ignored. It is read as follows:

    SN-1                     the id is the text
    "SN-1"                   JSON string: the id is its content, which is read like a payload
    12345, 0042              the id is the text, as written
    null, true, false        no id
    {"partId": "SN-1"}       JSON object: see ``KEYS`` and ``WRAPPERS``
    [...]                    JSON array: refused, as it names no single part

In an object the first of ``KEYS`` that has a text or a number gives the id, in any case and with
or without ``_``, ``-``, ``.``, ``/`` and blanks. Numbers are taken as they are written. If no key
gives an id, the objects under ``WRAPPERS`` and ``KEYS`` are searched in the same way.
The same key in two spellings with different values is ambiguous and refused.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any

__all__ = ["KEYS", "LONGEST", "WRAPPERS", "part_id_in", "part_id_of", "plain_id"]

# Serial numbers and barcodes are shorter than this.
LONGEST = 200
# Keys that name a part, in order of precedence: ``id`` and ``uuid`` often belong to the message,
# and ``part`` often is its type.
KEYS = (
    *("part_id", "part_uid", "part_serial", "serial_number", "serial_no", "serial_num", "serial"),
    *("sn", "barcode", "data_matrix", "dmc", "qr_code", "workpiece_id", "piece_id"),
    *("unit_id", "item_id", "rfid", "uid", "id", "part", "uuid"),
)
# Keys under which senders wrap an object with the id.
WRAPPERS = ("part", "workpiece", "item", "unit", "data", "payload", "body", "message", "value")
_DEEPEST = 4
_BLANK = r"[\s\0\ufeff]+"
_EXPECTED = 'expected a part id, or a JSON object {"part_id": "..."}'
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class _Number(str):
    """A JSON number, as it is written."""


def part_id_of(payload: bytes) -> str | None:
    """Return the id in a payload; None if it has none.

    Raises:
        ValueError: the id cannot be read or is invalid, see ``plain_id``.
    """
    try:
        text = payload.decode(_encoding(payload))
    except UnicodeDecodeError as error:
        raise ValueError("expected a part id in UTF-8 or UTF-16") from error
    return part_id_in(text)


def part_id_in(text: str) -> str | None:
    """Return the id in a text; see ``part_id_of``."""
    return _read(text, _DEEPEST)


def plain_id(text: str) -> str | None:
    """Return a text without the blanks around it; None if nothing is left.

    Raises:
        ValueError: the text is too long or has characters that cannot be printed.
    """
    text = text.strip()
    if len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"a part id has at most {LONGEST} characters, all printable")
    return text or None


def _encoding(payload: bytes) -> str:
    for mark, name in _BOMS:
        if payload.startswith(mark):
            return name
    # Without a mark: ASCII in UTF-16 has a zero in every other byte, and no id has one in UTF-8.
    if len(payload) >= 2 and len(payload) % 2 == 0:
        if not any(payload[1::2]) and all(payload[:2:2]):
            return "utf-16-le"
        if not any(payload[::2]) and all(payload[1:2]):
            return "utf-16-be"
    return "utf-8"


def _read(text: str, depth: int) -> str | None:
    text = _trimmed(text)
    if text in ("null", "true", "false"):
        return None
    if not text.startswith(("{", "[", '"')):
        return plain_id(text)
    try:
        value = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_nothing)
    except (ValueError, RecursionError) as error:
        if text.startswith("{"):
            raise ValueError(_EXPECTED) from error
        return plain_id(text)  # such as 5" pipe
    if isinstance(value, str):
        if depth == 0:
            raise ValueError(f"{_EXPECTED}. Received: quotes within quotes")
        return _read(value, depth - 1)
    if isinstance(value, dict):
        return _in_object(value, depth)
    raise ValueError(f"{_EXPECTED}. Received: {_kind(value)}")


def _trimmed(text: str) -> str:
    return re.sub(f"^{_BLANK}|{_BLANK}$", "", text)


def _nothing(name: str) -> None:
    """Read NaN and Infinity as None: Python's parser accepts them, JSON has none."""


def _in_object(content: Mapping[str, Any], depth: int) -> str | None:
    """Return the id in an object; None if no key names one.

    Raises:
        ValueError: the values of all keys have another type, or one key has two values.
    """
    wrong = ""
    for key, values in _found(content, KEYS):
        texts = {_trimmed(value) for value in values if isinstance(value, str)} - {""}
        if len(texts) > 1:
            raise ValueError(f"{key} must be one part id. Received: {len(texts)} different ones")
        if texts:
            return plain_id(texts.pop())
        others = [value for value in values if not isinstance(value, str | dict | NoneType)]
        if others and not wrong:
            wrong = f"{key} must be a text. Received: {_kind(others[0])}"
    inner = (value for _, values in _found(content, (*WRAPPERS, *KEYS)) for value in values)
    for value in inner:
        if isinstance(value, dict) and depth > 0:
            found = _in_object(value, depth - 1)
            if found is not None:
                return found
    if wrong:
        raise ValueError(wrong)
    return None


def _found(content: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the given keys that an object has, each with the values of all its spellings."""
    spelled: dict[str, list[Any]] = {}
    for name, value in content.items():
        spelled.setdefault(_folded(name), []).append(value)
    for key in keys:
        if _folded(key) in spelled:
            yield key, spelled[_folded(key)]


def _folded(name: str) -> str:
    return re.sub(r"[\s_./-]", "", name).casefold()


def _kind(value: Any) -> str:
    names = {bool: "true or false", list: "an array", dict: "an object"}
    return names.get(type(value), type(value).__name__)
