"""Agreement of a shadow model with the active model, from events of a journal. Pure."""

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
    """Agreement of one shadow model with one model.

    Attributes:
        model: SHA-256 of the model that gave the verdicts.
        shadow_model: SHA-256 of the shadow model.
        frames: number of frames classified by both.
        agreed: number of frames with the same verdict.
        share: ``agreed`` / ``frames``.
        interval: 95 % interval of the share, see ``intervals``.
        verdicts: number of frames by verdict, then by shadow verdict.
    """

    model: str
    shadow_model: str
    frames: int
    agreed: int
    share: float
    interval: Interval | None
    verdicts: Mapping[str, Mapping[str, int]]


def agreements(events: Iterable[Mapping[str, Any]]) -> list[Agreement]:
    """Count events of the kind ``shadow``; return one result per pair of models, in their order.

    Args:
        events: with ``detail`` as written by ``Shadow``; they are not held in memory.
    """
    pairs: dict[_Pair, collections.Counter[_Pair]] = {}
    for event in events:
        detail = event["detail"]
        models = (str(detail.get("model", "")), str(detail["shadow_model"]))
        counts = pairs.setdefault(models, collections.Counter())
        counts[detail["verdict"], detail["shadow_verdict"]] += 1
    return [_agreement(models, counts) for models, counts in pairs.items()]


def report_lines(agreement: Agreement) -> Iterator[str]:
    """Yield the lines of a report: the share, its interval, and the verdicts of both."""
    low, high = agreement.interval or (0.0, 1.0)
    yield (
        f"{agreement.shadow_model[:12]} compared with {agreement.model[:12] or 'unknown'}: "
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
