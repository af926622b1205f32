"""How any text is written as UTF-8: a sink must not fail for ever on one odd part id.

Enters: texts from paths, barcodes and messages. Leaves: ``ERRORS``, which whoever opens a file of
rows gives as its ``errors``.
"""

from __future__ import annotations

import codecs

__all__ = ["ERRORS", "strict_text"]

ERRORS = "partsight.any_text"


def _any_text(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of a path that are no UTF-8 are written as they were; other surrogates by number."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.lookup_error("backslashreplace")(error)


def strict_text(text: str) -> str:
    """The same for formats that are UTF-8 throughout: what is none is told by its number."""
    return text.encode("utf-8", "backslashreplace").decode()


codecs.register_error(ERRORS, _any_text)
