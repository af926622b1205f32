"""What the operating point means for good and bad parts, and how sure the figures are.

Enters: scored pictures and an operating point. Leaves: figures for JSON, beside those of
``metrics``. Called by training; pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import OperatingPoint, accept_scores, verdicts
from partsight.evaluation.bootstrap import Statistic, auc_of, bootstrap_intervals, share_of
from partsight.evaluation.intervals import Interval, auc_interval, proportion_interval
from partsight.evaluation.metrics import auc, confusion_matrix
from partsight.records import Verdict

__all__ = ["verdict_metrics"]


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """N pictures: which show good and bad parts, what they scored and what became of them."""

    good: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    deciding: NDArray[np.float64]
    given: NDArray[np.str_]
    missed: NDArray[np.bool_]
    right: NDArray[np.bool_]


def verdict_metrics(
    labels: tuple[str, ...],
    true: NDArray[np.intp],
    scores: NDArray[np.float64],
    point: OperatingPoint,
    contrasts: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """The figures of one set of scored pictures at an operating point.

    Args:
        labels: K names, in the order of the columns of ``scores``.
        true: int (N,), index of each picture's label.
        scores: float (N, K), probabilities.
        point: the thresholds. Bad parts are those whose label it does not accept.
        contrasts: float (N,), of each picture; None where they were not measured.

    Returns:
        ``verdicts``, for ``good`` and ``bad`` parts the number of each verdict;
        ``recall_of_bad``, the share of bad parts not accepted; ``false_reject_rate``, the
        share of good parts not accepted; ``auc_of_bad``, how well the deciding score tells
        them apart. These are None where a kind is missing, or no label is known to be good.
        ``intervals`` (see that module): of ``accuracy``, of these three, and of
        ``per_label`` ``precision`` and ``recall``. ``bootstrap_intervals`` (see
        ``bootstrap``): of the four.
    """
    judged = _judge(labels, true, scores, point, contrasts)
    good, bad, missed = judged.good, judged.bad, judged.missed
    area = auc(bad, -judged.deciding)
    sizes = int(bad.sum()), int(good.sum())
    counts = {"good": _counts(judged.given[good]), "bad": _counts(judged.given[bad])}
    return {
        "verdicts": counts if point.accept_labels else None,
        "recall_of_bad": _share(missed[bad]),
        "false_reject_rate": _share(missed[good]),
        "auc_of_bad": area,
        "intervals": {
            "accuracy": _interval(judged.right),
            "recall_of_bad": _interval(missed[bad]),
            "false_reject_rate": _interval(missed[good]),
            "auc_of_bad": None if area is None else auc_interval(area, *sizes),
            "per_label": _label_intervals(labels, true, scores),
        },
        "bootstrap_intervals": _bootstrap(true, judged),
    }


def _judge(
    labels: tuple[str, ...],
    true: NDArray[np.intp],
    scores: NDArray[np.float64],
    point: OperatingPoint,
    contrasts: NDArray[np.float64] | None,
) -> _Judged:
    good = np.isin(true, [labels.index(label) for label in point.accept_labels])
    bad = ~good if point.accept_labels else np.zeros(len(true), np.bool_)
    deciding = accept_scores(labels, scores, point.accept_labels)
    given = verdicts(deciding, point, contrasts)
    right = scores.argmax(axis=1) == true
    return _Judged(good, bad, deciding, given, given != Verdict.ACCEPT.value, right)


def _bootstrap(true: NDArray[np.intp], judged: _Judged) -> dict[str, Interval | None]:
    good, bad = judged.good, judged.bad
    statistics: dict[str, Statistic] = {}
    if len(true):
        statistics["accuracy"] = share_of(judged.right, np.ones(len(true), np.bool_))
    if bad.any():
        statistics["recall_of_bad"] = share_of(judged.missed, bad)
    if good.any():
        statistics["false_reject_rate"] = share_of(judged.missed, good)
    if bad.any() and good.any():
        statistics["auc_of_bad"] = auc_of(bad, -judged.deciding)
    nothing = dict.fromkeys(("accuracy", "recall_of_bad", "false_reject_rate", "auc_of_bad"))
    return {**nothing, **(bootstrap_intervals(true, statistics) if statistics else {})}


def _label_intervals(
    labels: tuple[str, ...], true: NDArray[np.intp], scores: NDArray[np.float64]
) -> dict[str, dict[str, Interval | None]]:
    confusion = confusion_matrix(true, scores.argmax(axis=1), len(labels))
    return {
        label: {
            "precision": proportion_interval(confusion[i, i], confusion[:, i].sum()),
            "recall": proportion_interval(confusion[i, i], confusion[i].sum()),
        }
        for i, label in enumerate(labels)
    }


def _counts(given: NDArray[np.str_]) -> dict[str, int]:
    return {verdict.value: int((given == verdict.value).sum()) for verdict in Verdict}


def _share(flags: NDArray[np.bool_]) -> float | None:
    return float(flags.mean()) if len(flags) else None


def _interval(flags: NDArray[np.bool_]) -> Interval | None:
    return proportion_interval(int(flags.sum()), len(flags))
