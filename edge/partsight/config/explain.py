"""Errors of pydantic as one line, with the most similar key as a suggestion."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from partsight.config.redaction import shown
from partsight.config.schema import keys_of, located, schema_of, variants

__all__ = ["explained"]

# Keys of earlier versions, with the values that they have as constants.
_REMOVED = {
    "source.backoff_first_s": "0.5",
    "source.backoff_most_s": "30",
    "source.restart_budget": "10",
    "source.restart_window_s": "600",
    "source.decode_threads": "1",
    "sinks.keepalive_s": "15",
    "sinks.session_expiry_s": "3600",
    "trigger.keepalive_s": "15",
}


def explained(error: ValidationError, section: type[BaseModel]) -> str:
    """Describe all errors in one line.

    Args:
        error: error of the validation.
        section: class that was validated.
    """
    return "; ".join(_message(each, section) for each in error.errors())


def _message(error: Any, section: type[BaseModel]) -> str:
    schema = schema_of(section)
    name, node = located(error["loc"], schema)
    if error["type"] == "extra_forbidden":
        constant = _REMOVED.get(re.sub(r"\[\d+\]", "", name))
        if constant is not None:
            return (
                f"key {name} was removed in this version: it is now a constant ({constant}). "
                "Remove it"
            )
        known = keys_of(located(error["loc"][:-1], schema)[1])
        return f"{name} is unknown{_suggestion(str(error['loc'][-1]), known)}"
    if error["type"] == "union_tag_invalid":
        context = error["ctx"]
        key, tag = context["discriminator"].strip("'"), str(context["tag"])
        known = [each.strip(" '") for each in context["expected_tags"].split(",")]
        return f"{_joined(name, key)} {tag!r} is unknown{_suggestion(tag, known)}"
    if error["type"] == "union_tag_not_found":
        key = error["ctx"]["discriminator"].strip("'")
        kinds = variants(node) or {}
        return f"{_joined(name, key)} is missing: expected one of {', '.join(kinds)}"
    if error["type"] == "missing":
        return f"{name} is missing: {node.get('description', 'it has no default')}"
    message = " ".join(error["msg"].removeprefix("Value error, ").split())
    if isinstance(error["input"], dict):  # a table: the message names the wrong key
        return f"{name}: {message}" if name else message
    return f"{name}: {message}. Received: {shown(name, error['input'])!r}"


def _joined(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _suggestion(received: str, known: Iterable[str]) -> str:
    known = list(known)
    begun = [name for name in known if name.startswith(received) or received.startswith(name)]
    nearest = begun or difflib.get_close_matches(received, known, 1)
    guess = f" Did you mean {nearest[0]}?" if nearest else ""
    return f".{guess} Known are {', '.join(known)}" if known else ""
