"""Whether the line is ready, and the reasons if not: the content of ``/readyz``.

``RULES`` lists everything that makes the line not ready. A test compares it with the table in
``docs/wiring.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from partsight.telemetry.telemetry import State, Telemetry

__all__ = ["RULES", "Rule", "not_ready"]


@dataclass(frozen=True, slots=True)
class Rule:
    """When a component makes the line not ready.

    Attributes:
        component: its name in ``Telemetry``; ``sink NAME`` stands for every sink.
        ready: states in which the component is ready.
        reason: meaning of the other states, for people.
        required: whether a component without a state is not ready; otherwise the line may have no
            such component.
        patient: whether it may be in another state for a while, see ``not_ready``.
    """

    component: str
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
        "no trigger can come from the broker, PLC or reader, or the belt is being learned",
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
    """Return the reasons why the line is not ready, by component; empty if it is ready.

    Args:
        telemetry: of the line.
        sink_unreachable_after_s: seconds that a sink may be in trouble; ``inf`` ignores sinks.
    """
    states = telemetry.states()
    reasons = {}
    for rule in RULES:
        for component, state in _components_of(rule, states):
            if state is None:
                reasons[component] = "has not reported a state yet"
            elif state.name in rule.ready:
                continue
            elif not rule.patient:
                reasons[component] = _described(state)
            elif (trouble_s := telemetry.trouble_s(component)) > sink_unreachable_after_s:
                reasons[component] = f"for {trouble_s:.0f} s {_described(state)}"
    return reasons


def _components_of(rule: Rule, states: Mapping[str, State]) -> Iterator[tuple[str, State | None]]:
    """Yield the components of a rule with their states."""
    if rule.component.endswith(" NAME"):
        prefix = rule.component.removesuffix("NAME")
        yield from (
            (component, state)
            for component, state in states.items()
            if component.startswith(prefix)
        )
    elif rule.required or rule.component in states:
        yield rule.component, states.get(rule.component)


def _described(state: State) -> str:
    return f"{state.name}: {state.detail}" if state.detail else state.name
