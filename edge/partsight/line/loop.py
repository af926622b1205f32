"""The inspection loop: trigger event, verdict, record; then the next.

The trigger decides when a part is inspected and on which frame. ``inspector`` gives the verdict,
``recorder`` writes it to the journal and then announces it, and ``housekeeping`` handles signals,
model swaps and the watchdog between two parts. ``run`` connects the four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from partsight.line.inspector import Inspection, Inspector
from partsight.records import Fault, Frame, TriggerEvent

__all__ = ["watch"]


def watch(
    trigger_events: Iterable[tuple[TriggerEvent, Frame | Fault] | None],
    inspector: Inspector,
    record: Callable[[Inspection], None],
    housekeeping: Callable[[], bool] = lambda: True,
    *,
    max_parts: int | None = None,
) -> None:
    """Inspect parts until the source ends.

    Args:
        trigger_events: of a trigger, see ``triggers.base.Trigger``.
        inspector: gives the verdict for each event.
        record: gets each inspection before the next trigger event is requested.
        housekeeping: called after each part, and twice a second without parts; False stops.
        max_parts: number of parts to stop after; None inspects until the source ends.

    Raises:
        SourceError: the source failed; earlier parts are recorded.
    """
    parts = 0
    for event in trigger_events:
        if event is not None:
            record(inspector(*event))
            parts += 1
        if not housekeeping() or parts == max_parts:
            return
