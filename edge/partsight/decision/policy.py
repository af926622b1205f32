"""How a line's owner wants verdicts given, beside what the model says. Plain values.

Enters: the section ``[decision]`` of the configuration. ``judge`` goes by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from partsight.errors import ConfigError
from partsight.records import Verdict

__all__ = ["FAIL_SAFE", "Policy"]

# A part that could not be judged must not pass for a good one.
FAIL_SAFE = Verdict.REJECT


@dataclass(frozen=True, slots=True)
class Policy:
    """What the device's configuration says of verdicts.

    Attributes:
        accept_above, reject_below, min_contrast: in place of the contract's; None leaves that as
            it is.
        fail_safe: the verdict on a part that cannot be judged; never accept.
        votes, window: with a window above 1, a part is accepted only if ``votes`` of the last
            ``window`` frames are: for streams that see each part in several frames.

    Raises:
        ConfigError: the fail-safe verdict is accept, or more votes than frames.
    """

    accept_above: float | None = None
    reject_below: float | None = None
    fail_safe: Verdict = FAIL_SAFE
    votes: int = 1
    window: int = 1
    min_contrast: float | None = None

    def __post_init__(self) -> None:
        if self.fail_safe is Verdict.ACCEPT:
            raise ConfigError(
                "the fail-safe verdict must be reject or review. Received: accept, by which "
                "parts would pass that nobody has judged"
            )
        if not 1 <= self.votes <= self.window:
            raise ConfigError(
                "votes must be at least 1 and at most the window. "
                f"Received: {self.votes} of {self.window}"
            )
