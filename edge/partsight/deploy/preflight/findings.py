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
        level: ``error`` if the line cannot start or a component can never work; ``warning``
            if it may work later, or where the line is started.
    """

    key: str
    message: str
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"
