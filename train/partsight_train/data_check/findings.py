"""One thing that a data check found."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finding", "Severity"]


class Severity(str, enum.Enum):
    """How much a finding matters."""

    ERROR = "error"  # something is wrong for sure: mend it before training
    WARNING = "warning"  # figures or verdicts may suffer: look at it
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: a short name, the same for the same kind of thing.
        severity: how much it matters.
        message: a sentence or two: what there is, what it does, what to do.
        groups: the pictures that it is about, those together that belong together; the
            worst first.
    """

    kind: str
    severity: Severity
    message: str
    groups: tuple[tuple[Path, ...], ...] = ()
