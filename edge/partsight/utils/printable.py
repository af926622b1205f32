"""Text from elsewhere, such as file names and library messages, as part of a message of one line.

Result rows keep paths as they are; only messages and tables for people are made printable.
"""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: object, replacement: str | None = None) -> str:
    r"""The text without characters that break a line, control a terminal or cannot be encoded.

    Backslashes stay single, because Windows paths have many.

    Args:
        text: any object; its ``str`` is used.
        replacement: put in place of each unprintable character. None escapes it as Python does:
            ``\n``, ``\x1b``, and ``\udcff`` for the byte 0xff of a path that is not UTF-8.
    """
    return "".join(
        each if each.isprintable() else _escape(each) if replacement is None else replacement
        for each in str(text)
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
