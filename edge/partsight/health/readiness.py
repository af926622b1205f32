"""Whether the line may be relied on: what ``/readyz`` answers, and why not."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from partsight.health.vitals import Vitals

__all__ = ["READY_STATES", "not_ready"]

# In which states each part is ready; the names are those that the parts give to ``Vitals``.
READY_STATES: Mapping[str, Collection[str]] = {
    "model": ("running", "swapping"),
    "source": ("running",),
    "journal": ("writing", "none"),
}


def not_ready(
    vitals: Vitals, wanted: Mapping[str, Collection[str]] = READY_STATES
) -> dict[str, str]:
    """What keeps the line from being ready: part and reason; nothing where it is."""
    states = vitals.states()
    reasons = {}
    for part, names in wanted.items():
        state = states.get(part)
        if state is None:
            reasons[part] = "has not said how it is yet"
        elif state.name not in names:
            reasons[part] = f"{state.name}: {state.detail}" if state.detail else state.name
    return reasons
