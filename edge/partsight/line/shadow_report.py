"""How often a shadow model says what the model says, and how sure that is. Pure.

Enters: events of a journal. Leaves: figures for JSON, and lines for a terminal.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from partsight.evaluation.intervals import Interval, proportion_interval
from partsight.records import Verdict

__all__ = ["Agreement", "agreements", "report_lines"]

_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one shadow model beside one model.

    Attributes:
        model: digest of the model that gave the verdicts.
        shadow_model: digest of the other.
        frames: how many both judged.
        agreed: how many of them got the same verdict.
        share: ``agreed`` of ``frames``.
        interval: of the share, 95 %, see ``intervals``.
        verdicts: verdict, then shadow verdict, to a number of frames.
    """

    model: str
    shadow_model: str
    frames: int
    agreed: int
    share: float
    interval: Interval | None
    verdicts: Mapping[str, Mapping[str, int]]


def agreements(events: Iterable[Mapping[str, Any]]) -> list[Agreement]:
    """Count events of the kind ``shadow``, one result a pair of models, in their order.

    Args:
        events: with ``detail`` as ``Shadow`` gives it; however many, they are not kept.
    """
    pairs: dict[_Pair, collections.Counter[_Pair]] = {}
    for event in events:
        detail = event["detail"]
        models = (str(detail.get("model", "")), str(detail["shadow_model"]))
        counts = pairs.setdefault(models, collections.Counter())
        counts[detail["verdict"], detail["shadow_verdict"]] += 1
    return [_agreement(models, counts) for models, counts in pairs.items()]


def report_lines(agreement: Agreement) -> Iterator[str]:
    """Lay out one of them: the share, its interval, and the verdicts of both."""
    low, high = agreement.interval or (0.0, 1.0)
    yield (
        f"{agreement.shadow_model[:12]} beside {agreement.model[:12] or 'unknown'}: "
        f"{agreement.agreed} of {agreement.frames} verdicts agree, {agreement.share:.4f} "
        f"(95 % interval {low:.4f} to {high:.4f})"
    )
    names = [verdict.value for verdict in Verdict]
    yield "verdict \\ shadow".ljust(18) + "".join(f"{name:>9}" for name in names)
    for name in names:
        row = agreement.verdicts.get(name, {})
        yield name.ljust(18) + "".join(f"{row.get(other, 0):>9}" for other in names)


def _agreement(models: _Pair, counts: collections.Counter[_Pair]) -> Agreement:
    frames = counts.total()
    agreed = sum(count for (one, other), count in counts.items() if one == other)
    table: dict[str, dict[str, int]] = {}
    for (one, other), count in sorted(counts.items()):
        table.setdefault(one, {})[other] = count
    interval = proportion_interval(agreed, frames)
    return Agreement(*models, frames, agreed, agreed / frames, interval, table)
