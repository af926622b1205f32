"""What other operating points would cost: escapes against false rejects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partsight.decision.choose import choose_operating_point
from partsight.decision.operating_point import OperatingPoint
from partsight_train.report.estimate import Estimate, share
from partsight_train.report.kinds import Kinds

__all__ = ["Barrier", "DefectRate", "barriers", "defect_rate"]

_WANTED = (0.90, 0.95, 0.98, 0.99, 0.995, 1.0)


@dataclass(frozen=True, slots=True)
class DefectRate:
    """The share of bad parts to expect, in [0, 1], and whether the user named it."""

    share: float
    named: bool


@dataclass(frozen=True, slots=True)
class Barrier:
    """One ``accept_above`` and what it does to the test split; None where a kind is missing.

    Attributes:
        wanted: the recalls of bad parts that lead to it on the validation split.
        accept_above: the score above which a part is accepted.
        chosen: whether the delivered file has it.
        recall: share of bad parts not accepted.
        false_rejects: share of good parts not accepted.
        escapes_per_thousand: bad parts accepted among a thousand parts.
        false_rejects_per_thousand: good parts not accepted among a thousand parts.
    """

    wanted: tuple[float, ...]
    accept_above: float
    chosen: bool
    recall: Estimate | None
    false_rejects: Estimate | None
    escapes_per_thousand: Estimate | None
    false_rejects_per_thousand: Estimate | None


def defect_rate(provenance: Mapping[str, Any], on_test: Kinds) -> DefectRate | None:
    """The share of bad parts that the user named, else that of the test split."""
    named = provenance.get("settings", {}).get("defect_rate")
    if named is not None:
        return DefectRate(float(named), named=True)
    measured = on_test.share_of_bad
    return None if measured is None else DefectRate(measured, named=False)


def barriers(
    on_validation: Kinds, on_test: Kinds, point: OperatingPoint, bad_share: float
) -> list[Barrier]:
    """The chosen operating point among its neighbours, lowest barrier first.

    Barriers are chosen on the validation split, as the delivered one was, and measured on
    the test split. Wanted recalls that lead to the same barrier share a row.
    """
    wanted: dict[float, set[float]] = {point.accept_above: set()}
    if point.target_recall is not None:
        wanted[point.accept_above].add(point.target_recall)
    good = ~on_validation.bad
    for recall in _WANTED:
        other = choose_operating_point(on_validation.score, good, point.accept_labels, recall)
        wanted.setdefault(other.accept_above, set()).add(recall)
    return [
        _barrier(tuple(sorted(recalls)), above, above == point.accept_above, on_test, bad_share)
        for above, recalls in sorted(wanted.items())
    ]


def _barrier(
    wanted: tuple[float, ...], above: float, chosen: bool, on_test: Kinds, bad_share: float
) -> Barrier:
    missed = on_test.score <= above
    bad, good = missed[on_test.bad], missed[~on_test.bad]
    recall, rejects = share(int(bad.sum()), len(bad)), share(int(good.sum()), len(good))
    return Barrier(
        wanted,
        above,
        chosen,
        recall,
        rejects,
        recall.complement().scaled(1000 * bad_share) if recall else None,
        rejects.scaled(1000 * (1 - bad_share)) if rejects else None,
    )
