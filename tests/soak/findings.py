"""One finding of the auditor."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it must be.

    Attributes:
        kind: such as ``lost``, ``doubled``, ``invented``, ``secret``.
        text: names the part and the receiver.
        at_s: when the part was triggered, seconds of ``time.monotonic``; None if unknown.
    """

    kind: str
    text: str
    at_s: float | None = None
