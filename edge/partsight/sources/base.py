"""Interface of sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from partsight.records import Fault, Frame

__all__ = ["Source"]


class Source(AbstractContextManager["Source"], Protocol):
    """Holds a camera, file or folder while it is open. It can be iterated once.

    Iteration ends with the source. A frame that cannot be used comes as a ``Fault``; a source that
    fails raises ``SourceError``.
    """

    def __iter__(self) -> Iterator[Frame | Fault]: ...
