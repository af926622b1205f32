"""What the line asks of a source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from partsight.records import Fault, Frame

__all__ = ["Source"]


class Source(AbstractContextManager["Source"], Protocol):
    """Holds a camera, file or folder while it is open; iterated once.

    Iteration ends where the source does. A single frame that cannot be used comes as a
    ``Fault``; a source that can give no more raises ``SourceError``.
    """

    def __iter__(self) -> Iterator[Frame | Fault]: ...
