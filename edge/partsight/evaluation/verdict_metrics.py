"""Metrics of the verdicts on good and bad parts at an operating point, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import accept_scores, verdicts
from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.bootstrap import Statistic, auc_of, bootstrap_intervals, share_of
from partsight.evaluation.intervals import Interval, auc_interval, proportion_interval
from partsight.evaluation.metrics import auc, confusion_matrix
from partsight.records import Verdict

__all__ = ["verdict_metrics"]


@dataclass(frozen=True, slots=True, eq=False)
class _Verdicts:
    """N images with their verdicts.

    Attributes:
        good: whether the part is good.
        bad: whether the part is bad.
        accept: the deciding score.
        verdict: the verdict's text.
        not_accepted: whether the verdict is reject or review.
        correct: whether the predicted label is the true one.
    """

    good: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    accept: NDArray[np.float64]
    verdict: NDArray[np.str_]
    not_accepted: NDArray[np.bool_]
    correct: NDArray[np.bool_]


def verdict_metrics(
    labels: tuple[str, ...],
    true: NDArray[np.intp],
    scores: NDArray[np.float64],
    point: OperatingPoint,
    contrasts: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """The metrics of one set of scored images at an operating point, as JSON values.

    Args:
        labels: K names, in the order of the columns of ``scores``.
        true: int (N,), label index of each image.
        scores: float (N, K), probabilities.
        point: the thresholds. Parts with any other label than its ``accept_labels`` are bad.
        contrasts: float (N,), see ``Prediction.contrast``; None if they were not measured.

    Returns:
        ``verdicts``, the number of each verdict on ``good`` and ``bad`` parts; ``recall_of_bad``,
        the share of bad parts not accepted; ``false_reject_rate``, the share of good parts not
        accepted; ``auc_of_bad``, the area under the ROC curve of the deciding score. These are
        None if a class is missing or no label is known to be good. ``intervals`` (see that
        module): of ``accuracy``, of these three, and of ``per_label`` ``precision`` and
        ``recall``. ``bootstrap_intervals`` (see ``bootstrap``): of the four.
    """
    found = _verdicts(labels, true, scores, point, contrasts)
    good, bad, not_accepted = found.good, found.bad, found.not_accepted
    area = auc(bad, -found.accept)
    sizes = int(bad.sum()), int(good.sum())
    counts = {"good": _counts(found.verdict[good]), "bad": _counts(found.verdict[bad])}
    return {
        "verdicts": counts if point.accept_labels else None,
        "recall_of_bad": _share(not_accepted[bad]),
        "false_reject_rate": _share(not_accepted[good]),
        "auc_of_bad": area,
        "intervals": {
            "accuracy": _interval(found.correct),
            "recall_of_bad": _interval(not_accepted[bad]),
            "false_reject_rate": _interval(not_accepted[good]),
            "auc_of_bad": None if area is None else auc_interval(area, *sizes),
            "per_label": _label_intervals(labels, true, scores),
        },
        "bootstrap_intervals": _bootstrap(true, found),
    }


def _verdicts(
    labels: tuple[str, ...],
    true: NDArray[np.intp],
    scores: NDArray[np.float64],
    point: OperatingPoint,
    contrasts: NDArray[np.float64] | None,
) -> _Verdicts:
    good = np.isin(true, [labels.index(label) for label in point.accept_labels])
    bad = ~good if point.accept_labels else np.zeros(len(true), np.bool_)
    accept = accept_scores(labels, scores, point.accept_labels)
    verdict = verdicts(accept, point, contrasts)
    correct = scores.argmax(axis=1) == true
    return _Verdicts(good, bad, accept, verdict, verdict != Verdict.ACCEPT.value, correct)


def _bootstrap(true: NDArray[np.intp], found: _Verdicts) -> dict[str, Interval | None]:
    good, bad = found.good, found.bad
    statistics: dict[str, Statistic] = {}
    if len(true):
        statistics["accuracy"] = share_of(found.correct, np.ones(len(true), np.bool_))
    if bad.any():
        statistics["recall_of_bad"] = share_of(found.not_accepted, bad)
    if good.any():
        statistics["false_reject_rate"] = share_of(found.not_accepted, good)
    if bad.any() and good.any():
        statistics["auc_of_bad"] = auc_of(bad, -found.accept)
    missing = dict.fromkeys(("accuracy", "recall_of_bad", "false_reject_rate", "auc_of_bad"))
    return {**missing, **(bootstrap_intervals(true, statistics) if statistics else {})}


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


def _counts(texts: NDArray[np.str_]) -> dict[str, int]:
    return {verdict.value: int((texts == verdict.value).sum()) for verdict in Verdict}


def _share(flags: NDArray[np.bool_]) -> float | None:
    return float(flags.mean()) if len(flags) else None


def _interval(flags: NDArray[np.bool_]) -> Interval | None:
    return proportion_interval(int(flags.sum()), len(flags))
