"""Encoding of any text as UTF-8, because a sink must not fail repeatedly on one unusual part id.

``ERRORS`` is the ``errors`` argument for opening a result file.
"""

from __future__ import annotations

import codecs

__all__ = ["ERRORS", "strict_text"]

ERRORS = "partsight.any_text"


def _any_text(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write bytes of a path that are not UTF-8 as they were, other surrogates as escapes."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.lookup_error("backslashreplace")(error)


def strict_text(text: str) -> str:
    """The text in valid UTF-8, for formats that allow nothing else; surrogates are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


codecs.register_error(ERRORS, _any_text)
