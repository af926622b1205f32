"""The inspection loop, on one screen: an occasion, a verdict, its record; then the next.

``trigger`` says when a part is judged and by which frame, ``judge`` judges it, ``record`` makes
the verdict durable and only then tells of it, ``turn`` sees to the rest between two parts:
signals, another model, the watchdog. ``station`` puts the four together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from partsight.line.inspector import Judge, Judged
from partsight.records import Fault, Frame, Occasion

__all__ = ["watch"]


def watch(
    occasions: Iterable[tuple[Occasion, Frame | Fault] | None],
    judge: Judge,
    record: Callable[[Judged], None],
    turn: Callable[[], bool] = lambda: True,
    *,
    max_parts: int | None = None,
) -> None:
    """Judge part after part until the source ends.

    Args:
        occasions: of a trigger, see ``triggers.base.Trigger``.
        judge: gives a verdict for each.
        record: is given each result before the next occasion is asked for.
        turn: called after each part, and twice a second where there is none; False ends it.
        max_parts: stop after so many; None goes on to the source's end.

    Raises:
        SourceError: the source can give no more; what came before is recorded.
    """
    parts = 0
    for event in occasions:
        if event is not None:
            record(judge(*event))
            parts += 1
        if not turn() or parts == max_parts:
            return
