"""State of a part of the line, and which states need nobody's attention."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CALM", "Change", "State"]

# States that need nobody's attention; every other one is logged as a warning.
CALM = frozenset(
    {
        *("starting", "running", "learning", "listening", "idle", "delivering", "writing"),
        *("keeping", "none", "examining", "swapping", "taken", "clear", "in force", "read"),
        *("watching", "off"),
    }
)
# How a state reads in the log where its name alone says too little.
_TOLD = {"unreachable": "unreachable, retrying"}


@dataclass(frozen=True, slots=True)
class State:
    """State of a part of the line: its name, since when (Unix seconds), and the reason."""

    name: str
    since: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Change of state that goes to the log and the journal.

    Attributes:
        part: part of the line, such as ``source`` or ``sink mqtt``.
        state: its state now.
        before: the state that was told last; None for the first one.
        suppressed: number of changes in between that were not told.
        delayed: whether it is told later than it happened.
    """

    part: str
    state: State
    before: State | None = None
    suppressed: int = 0
    delayed: bool = False

    @property
    def loud(self) -> bool:
        """Whether it is a warning: trouble, the end of trouble, or flapping."""
        calm = self.state.name in CALM and (self.before is None or self.before.name in CALM)
        return self.suppressed > 0 or not calm

    def __str__(self) -> str:
        text = f"{self.part} is {_TOLD.get(self.state.name, self.state.name)}"
        if self.suppressed:
            text += f" ({self.suppressed} more changes were not logged)"
        return f"{text}: {self.state.detail}" if self.state.detail else text
