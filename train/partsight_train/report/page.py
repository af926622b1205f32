"""The values of each section of the report, rendered by the template of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from partsight.evaluation.intervals import proportion_interval
from partsight_train.data.dataset import Split, part_hash_of
from partsight_train.report.charts import (
    histogram_chart,
    learning_chart,
    precision_recall_chart,
    reliability_chart,
    roc_chart,
)
from partsight_train.report.curves import calibration_error, reliability
from partsight_train.report.estimate import estimate
from partsight_train.report.kinds import Kinds, kinds_of
from partsight_train.report.mistakes import mistakes
from partsight_train.report.record import RunRecord
from partsight_train.report.templating import template
from partsight_train.report.thresholds import defect_rate, thresholds

__all__ = ["report_html"]

# A larger matrix is not readable; the most frequent confusions are listed instead.
_MOST_COLUMNS = 12
_MOST_CONFUSIONS = 20
# Length of all labels in the head of a matrix; longer labels are replaced by numbers.
_MOST_CHARACTERS = 30


def report_html(record: RunRecord) -> str:
    """Render the report of a run.

    Returns:
        An HTML document without scripts or external references. The same record gives the
        same document.
    """
    on_test = kinds_of(record.on_test, record.labels, record.point.accept_labels)
    shown, mistaken = mistakes(record)
    splits = [split.value for split in Split]
    images = [
        (label, [counts.get(split, 0) for split in splits])
        for label, counts in record.splits.items()
    ]
    page = template("page.html.j2").render(
        run=record,
        point=record.point,
        int8=_figures(record.metrics["int8"]),
        floating=_figures(record.metrics),
        parity=record.metrics["int8"].get("parity"),
        several_shots=_extra_shots(record) > 0,
        charts=_charts(record, on_test),
        thresholds=_thresholds(record, on_test),
        phases=_phases(record),
        mistakes=shown,
        mistaken=mistaken,
        splits=splits,
        images=images,
        totals=[sum(counts[i] for _, counts in images) for i in range(len(splits))],
    )
    return f"{page.strip()}\n"


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Values of one model on the test split, with its confusions as a matrix or a list."""
    labels, confusion = metrics["labels"], np.array(metrics["confusion"])
    intervals = metrics["intervals"]
    verdicts = metrics["verdicts"] or {}
    off = Counter({(i, j): int(n) for (i, j), n in np.ndenumerate(confusion) if i != j and n})
    bad = sum(verdicts.get("bad", {}).values())
    best = proportion_interval(bad, bad)
    return {
        **metrics,
        "right": int(confusion.trace()),
        "accuracy": estimate(metrics["test_accuracy"], intervals["accuracy"]),
        "recall": estimate(metrics["recall_of_bad"], intervals["recall_of_bad"]),
        "rejects": estimate(metrics["false_reject_rate"], intervals["false_reject_rate"]),
        "area": estimate(metrics["auc_of_bad"], intervals["auc_of_bad"]),
        "bad": bad,
        "good": sum(verdicts.get("good", {}).values()),
        "best_recall": best[0] if best else None,
        "matrix": len(labels) <= _MOST_COLUMNS,
        "numbered": len(labels) * max(map(len, labels)) > _MOST_CHARACTERS,
        "most_confused": [
            (labels[i], labels[j], n) for (i, j), n in off.most_common(_MOST_CONFUSIONS)
        ],
    }


def _extra_shots(record: RunRecord) -> int:
    """Number of test images in excess of one per part."""
    scored = record.on_test
    parts = {
        record.part_hashes.get(path, part_hash_of(record.labels[label], path.name))
        for path, label in zip(scored.paths, scored.true, strict=True)
    }
    return len(scored.paths) - len(parts)


def _charts(record: RunRecord, on_test: Kinds | None) -> dict[str, Any]:
    scored, point = record.on_test, record.point
    if on_test is not None:
        bins = reliability(on_test.score, ~on_test.bad)
        names = ("score for a good part", "share of good parts")
    else:
        right = scored.scores.argmax(axis=1) == scored.true
        bins = reliability(scored.scores.max(axis=1, initial=0), right)
        names = ("score of the predicted label", "share of correct labels")
    both = on_test if on_test is not None and on_test.both else None
    return {
        "roc": roc_chart(both, point) if both else None,
        "precision_recall": precision_recall_chart(both, point) if both else None,
        "reliability": reliability_chart(bins, *names) if bins else None,
        "calibration_error": calibration_error(bins),
        "histogram": histogram_chart(on_test, point) if on_test is not None else None,
    }


def _thresholds(record: RunRecord, on_test: Kinds | None) -> dict[str, Any] | None:
    on_validation = kinds_of(record.on_validation, record.labels, record.point.accept_labels)
    if on_test is None or on_validation is None:
        return None
    rate = defect_rate(record.provenance, on_test)
    if rate is None:
        return None
    rows = thresholds(on_validation, on_test, record.point, rate.share)
    return {"rate": rate, "rows": rows, "chosen": next(row for row in rows if row.chosen)}


def _phases(record: RunRecord) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "epochs": len(epochs),
            "loss": learning_chart(index, "loss", epochs),
            "accuracy": learning_chart(index, "accuracy", epochs),
        }
        for index, (name, epochs) in enumerate(record.history.items())
        if epochs
    ]
