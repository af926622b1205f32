"""The part's id in what somebody sends with a trigger."""

from __future__ import annotations

import json

__all__ = ["LONGEST", "part_id_of", "plain_id"]

# Serial numbers and barcodes are shorter; what is longer is no id.
LONGEST = 200


def part_id_of(payload: bytes) -> str | None:
    """The id in a text, or in a JSON object with ``part_id``; None where none is said.

    Raises:
        ValueError: it is neither, see ``plain_id``.
    """
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError("expected a part id in UTF-8") from error
    if not text.startswith("{"):
        return plain_id(text)
    try:
        said = json.loads(text).get("part_id")
    except (ValueError, RecursionError) as error:
        raise ValueError('expected a part id, or a JSON object {"part_id": "..."}') from error
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, str | int):
        raise ValueError(f"part_id must be a text. Received: {type(said).__name__}")
    return plain_id(str(said))


def plain_id(text: str) -> str | None:
    """A text without the blanks around it; None where nothing is left.

    Raises:
        ValueError: it is too long, or has letters that cannot be printed.
    """
    text = text.strip()
    if len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"a part id has at most {LONGEST} letters, all printable")
    return text or None
