"""One file of the corpus, and its expected outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Entry", "Outcome"]

# "either": the damage may have hit what the pixels do not depend on.
Outcome = Literal["good", "refused", "either"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to write, and why it is there.

    Attributes:
        name: of the file, with an ending that pictures have; lone surrogates stand for bytes
            that are no UTF-8, as ``os.fsdecode`` has it.
        kind: what sort of damage, such as ``cut``.
        reason: what is unusual about it, for the failure message.
        data: its bytes.
        outcome: whether decoding it must give a picture, must be refused, or may do either.
        size_wh: of the picture, where it is known.
        place: puts something else than a file of ``data`` at the path.
    """

    name: str
    kind: str
    reason: str
    data: bytes = b""
    outcome: Outcome = "either"
    size_wh: tuple[int, int] | None = None
    place: Callable[[Path], None] | None = None
