"""One problem that a preflight check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Level"]

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A setting that cannot work on this device.

    Attributes:
        key: full name of the setting or section, such as ``sinks[0].path``.
        message: the problem, and the step that fixes it.
        level: ``error`` where the line cannot start or part of it can never work; ``warning``
            where it may work later, or where it is started.
    """

    key: str
    message: str
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"
