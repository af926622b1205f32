"""A finding of a data check."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finding", "Severity"]


class Severity(str, enum.Enum):
    """Importance of a finding."""

    ERROR = "error"  # certainly wrong: correct it before training
    WARNING = "warning"  # may impair figures or verdicts: look at it
    NOTE = "note"  # for information


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding.

    Attributes:
        kind: a short name of this kind of finding.
        severity: its importance.
        message: one or two sentences: facts, effect, next step.
        groups: the images concerned, related ones in one group; the most important groups first.
    """

    kind: str
    severity: Severity
    message: str
    groups: tuple[tuple[Path, ...], ...] = ()
