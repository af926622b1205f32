"""Texts that others chose, such as names of files, as part of a message of one line.

Enters: any text. Leaves: one that neither breaks a line nor steers a terminal, and that every
encoding of Unicode can hold. Called where paths and what libraries say go into messages; rows of
results keep the path as it is.
"""

from __future__ import annotations

__all__ = ["shown"]


def shown(text: object) -> str:
    r"""The text with what is not printable escaped, as Python would: ``\n``, ``\x1b``.

    Bytes of a path that are no UTF-8 come as ``\udcff``, of which the last two digits are the
    byte. Backslashes stay single: a message is for people, and Windows has many.
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in str(text)
    )
