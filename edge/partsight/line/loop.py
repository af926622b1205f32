"""The inspection loop, on one screen: an occasion, a verdict, its record; then the next.

``trigger`` says when a part is judged and by which frame, ``inspector`` judges it, ``record`` makes
the verdict durable and only then tells of it, ``housekeeping`` sees to the rest between two parts:
signals, another model, the watchdog. ``station`` puts the four together.
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
    """Judge part after part until the source ends.

    Args:
        trigger_events: of a trigger, see ``triggers.base.Trigger``.
        inspector: gives a verdict for each.
        record: is given each result before the next occasion is asked for.
        housekeeping: called after each part, and twice a second where there is none; False ends it.
        max_parts: stop after so many; None goes on to the source's end.

    Raises:
        SourceError: the source can give no more; what came before is recorded.
    """
    parts = 0
    for event in trigger_events:
        if event is not None:
            record(inspector(*event))
            parts += 1
        if not housekeeping() or parts == max_parts:
            return
