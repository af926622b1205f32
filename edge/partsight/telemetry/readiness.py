"""Whether the line may be relied on: what ``/readyz`` answers, and why not.

``RULES`` is the whole list of what makes the line not ready; the table in ``docs/wiring.md`` is
the same, which a test compares.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from partsight.telemetry.telemetry import State, Telemetry

__all__ = ["RULES", "Rule", "not_ready"]


@dataclass(frozen=True, slots=True)
class Rule:
    """When a part of the line makes it not ready.

    Attributes:
        part: of the line, as it is called in ``Telemetry``; ``sink NAME`` stands for every sink.
        ready: states in which the part is ready.
        reason: what it means that it is in another one, for people.
        required: whether a part without a state is not ready; else the line has no such part.
        patient: whether it may be in another state for a while, see ``not_ready``.
    """

    part: str
    ready: tuple[str, ...]
    reason: str
    required: bool = True
    patient: bool = False


RULES = (
    Rule(
        "model",
        ("running", "swapping", "fallback"),
        "no model is loaded, or one could not be put into use",
    ),
    Rule("source", ("running",), "no frames come, or none that are fit to be judged"),
    Rule(
        "journal",
        ("writing", "none"),
        "verdicts cannot be written, so that none is announced",
    ),
    Rule(
        "trigger",
        ("listening",),
        "no trigger can come from the broker, PLC or reader, or the belt is being learnt",
        required=False,
    ),
    Rule(
        "sink NAME",
        ("idle", "delivering"),
        "no delivery was confirmed for more than `sink_unreachable_after_s` (`[health]`)",
        required=False,
        patient=True,
    ),
)


def not_ready(
    telemetry: Telemetry, *, sink_unreachable_after_s: float = math.inf
) -> dict[str, str]:
    """Return what keeps the line from being ready: part and reason; nothing where it is ready.

    Args:
        telemetry: of the line.
        sink_unreachable_after_s: seconds that a sink may be in trouble; ``inf`` never minds it.
    """
    states = telemetry.states()
    reasons = {}
    for rule in RULES:
        for part, state in _of(rule, states):
            if state is None:
                reasons[part] = "has not said how it is yet"
            elif state.name in rule.ready:
                continue
            elif not rule.patient:
                reasons[part] = _told(state)
            elif (trouble_s := telemetry.trouble_s(part)) > sink_unreachable_after_s:
                reasons[part] = f"for {trouble_s:.0f} s {_told(state)}"
    return reasons


def _of(rule: Rule, states: Mapping[str, State]) -> Iterator[tuple[str, State | None]]:
    """Return the parts that a rule is about, with their states."""
    if rule.part.endswith(" NAME"):
        prefix = rule.part.removesuffix("NAME")
        yield from ((part, state) for part, state in states.items() if part.startswith(prefix))
    elif rule.required or rule.part in states:
        yield rule.part, states.get(rule.part)


def _told(state: State) -> str:
    return f"{state.name}: {state.detail}" if state.detail else state.name
