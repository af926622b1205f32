"""When which fault happens: computed from a seed, so that a failed run can be repeated."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Fault", "make_plan"]

# Before the first fault, so that all connections were good once; after the last, to recover.
LEAD_S, TAIL_S = 8.0, 12.0
_LONGEST_S = 4.0
_PAUSE_S = (1.0, 4.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the plan.

    Attributes:
        at_s: seconds after the start of the run.
        lane: faults of one lane never overlap; those of different lanes do.
        kind: key of ``faults.FAULTS``.
        seconds: how long it lasts.
    """

    at_s: float
    lane: str
    kind: str
    seconds: float


def make_plan(
    seconds: float, seed: int, lanes: Mapping[str, Sequence[str]], longest_s: float = _LONGEST_S
) -> list[Fault]:
    """Return the faults in the order of their times.

    Each lane is a sequence of shuffled decks: all of its kinds come before one comes again.

    Args:
        seconds: duration of the run.
        seed: of the random numbers.
        lanes: kinds of fault by lane.
        longest_s: a fault lasts from 1 s to this.
    """
    plan: list[Fault] = []
    for lane, kinds in lanes.items():
        chance = random.Random(f"{seed} {lane}")
        at_s, deck = LEAD_S + chance.uniform(0, 2), list[str]()
        while kinds:
            deck = deck or chance.sample(list(kinds), len(kinds))
            fault = Fault(round(at_s, 1), lane, deck.pop(), round(chance.uniform(1, longest_s), 1))
            if fault.at_s + fault.seconds > seconds - TAIL_S:
                break
            plan.append(fault)
            at_s += fault.seconds + chance.uniform(*_PAUSE_S)
    return sorted(plan, key=lambda fault: fault.at_s)
