"""The cost of other operating points: escapes against false rejects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partsight.decision.choose import choose_operating_point
from partsight.decision.operating_point import OperatingPoint
from partsight_train.report.estimate import Estimate, share
from partsight_train.report.kinds import Kinds

__all__ = ["DefectRate", "Threshold", "defect_rate", "thresholds"]

_TARGET_RECALLS = (0.90, 0.95, 0.98, 0.99, 0.995, 1.0)


@dataclass(frozen=True, slots=True)
class DefectRate:
    """The expected share of bad parts, in [0, 1], and whether the user gave it."""

    share: float
    given: bool


@dataclass(frozen=True, slots=True)
class Threshold:
    """One value of ``accept_above`` with its results on the test split.

    Results are None if the test split has no parts of their kind.

    Attributes:
        targets: target recalls of bad parts that give this threshold on the validation split.
        accept_above: the score above which a part is accepted.
        chosen: whether the delivered file uses this threshold.
        recall: share of bad parts not accepted.
        false_rejects: share of good parts not accepted.
        escapes_per_thousand: bad parts accepted among a thousand parts.
        false_rejects_per_thousand: good parts not accepted among a thousand parts.
    """

    targets: tuple[float, ...]
    accept_above: float
    chosen: bool
    recall: Estimate | None
    false_rejects: Estimate | None
    escapes_per_thousand: Estimate | None
    false_rejects_per_thousand: Estimate | None


def defect_rate(provenance: Mapping[str, Any], on_test: Kinds) -> DefectRate | None:
    """The share of bad parts given by the user, else that of the test split."""
    given = provenance.get("settings", {}).get("defect_rate")
    if given is not None:
        return DefectRate(float(given), given=True)
    measured = on_test.share_of_bad
    return None if measured is None else DefectRate(measured, given=False)


def thresholds(
    on_validation: Kinds, on_test: Kinds, point: OperatingPoint, bad_share: float
) -> list[Threshold]:
    """The chosen operating point and alternatives, lowest threshold first.

    Thresholds are chosen on the validation split, like that of the delivered file, and measured
    on the test split. Target recalls with the same threshold share a row.
    """
    targets: dict[float, set[float]] = {point.accept_above: set()}
    if point.target_recall is not None:
        targets[point.accept_above].add(point.target_recall)
    good = ~on_validation.bad
    for recall in _TARGET_RECALLS:
        other = choose_operating_point(on_validation.score, good, point.accept_labels, recall)
        targets.setdefault(other.accept_above, set()).add(recall)
    return [
        _measured(tuple(sorted(recalls)), above, above == point.accept_above, on_test, bad_share)
        for above, recalls in sorted(targets.items())
    ]


def _measured(
    targets: tuple[float, ...], above: float, chosen: bool, on_test: Kinds, bad_share: float
) -> Threshold:
    missed = on_test.score <= above
    bad, good = missed[on_test.bad], missed[~on_test.bad]
    recall, rejects = share(int(bad.sum()), len(bad)), share(int(good.sum()), len(good))
    return Threshold(
        targets,
        above,
        chosen,
        recall,
        rejects,
        recall.complement().scaled(1000 * bad_share) if recall else None,
        rejects.scaled(1000 * (1 - bad_share)) if rejects else None,
    )
