"""A source that plays a script, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext

from partsight.records import Fault, Frame

__all__ = ["ScriptedSource"]


class ScriptedSource(nullcontext["ScriptedSource"]):
    """Yields the frames and faults of a script, and raises its errors."""

    def __init__(self, script: Iterable[Frame | Fault | Exception]) -> None:
        super().__init__(self)
        self._script = script

    def __iter__(self) -> Iterator[Frame | Fault]:
        """Play the script once."""
        for event in self._script:
            if isinstance(event, Exception):
                raise event
            yield event
