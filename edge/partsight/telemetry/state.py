"""State of a component of the line, and the list of states that need no attention."""

from __future__ import annotations

from dataclasses import dataclass

from partsight.utils.counts import counted

__all__ = ["CALM", "Change", "State"]

# States that need no attention; all others are logged as warnings.
CALM = frozenset(
    {
        *("starting", "running", "learning", "listening", "idle", "delivering", "writing"),
        *("keeping", "none", "examining", "swapping", "taken", "clear", "active", "read"),
        *("watching", "off"),
    }
)
# Text for the log of states whose name alone says too little.
_TEXTS = {"unreachable": "unreachable, retrying"}


@dataclass(frozen=True, slots=True)
class State:
    """State of a component: its name, since when (Unix seconds), and the reason."""

    name: str
    since: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Change of state that goes to the log and the journal.

    Attributes:
        component: such as ``source`` or ``sink mqtt``.
        state: its state now.
        before: the last state that was announced; None for the first one.
        suppressed: number of changes in between that were not announced.
        delayed: whether it is announced later than it happened.
    """

    component: str
    state: State
    before: State | None = None
    suppressed: int = 0
    delayed: bool = False

    @property
    def loud(self) -> bool:
        """Whether this is a warning: trouble, the end of trouble, or flapping."""
        calm = self.state.name in CALM and (self.before is None or self.before.name in CALM)
        return self.suppressed > 0 or not calm

    def __str__(self) -> str:
        text = f"{self.component} is {_TEXTS.get(self.state.name, self.state.name)}"
        if self.suppressed:
            text += f" ({counted(self.suppressed, 'more change')} not logged)"
        return f"{text}: {self.state.detail}" if self.state.detail else text
