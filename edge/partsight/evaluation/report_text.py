"""Metrics as aligned lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partsight.utils.counts import counted

__all__ = ["metrics_text"]


def metrics_text(metrics: Mapping[str, Any], prefix: str = "") -> str:
    """Format the metrics of ``classification_metrics``.

    Args:
        metrics: from that function.
        prefix: of the keys ``accuracy`` and ``images``, such as ``test_``.

    Returns:
        Accuracy (and AUC), the confusion matrix with true rows and predicted columns, precision
        and recall of each label, and the verdicts on good and bad parts if they are given.
    """
    labels = metrics["labels"]
    width = max(9, *(len(label) for label in labels)) + 2
    accuracy, images = metrics[prefix + "accuracy"], metrics[prefix + "images"]
    lines = [f"accuracy {accuracy:.4f} on {counted(images, 'picture')}"]
    if metrics.get("auc") is not None:
        lines[0] += f", AUC {metrics['auc']:.4f}"
    lines.append("true \\ predicted".ljust(width + 8) + "".join(f"{x:>{width}}" for x in labels))
    for label, row in zip(labels, metrics["confusion"], strict=True):
        lines.append(label.ljust(width + 8) + "".join(f"{count:>{width}}" for count in row))
    for label, row in metrics["per_label"].items():
        figures = (f"{key} {_figure(row[key])}" for key in ("precision", "recall", "f1"))
        lines.append(f"{label}: " + ", ".join(figures) + f", {counted(row['support'], 'picture')}")
    for kind, counts in (metrics.get("verdicts") or {}).items():
        each = ", ".join(f"{verdict} {count}" for verdict, count in counts.items())
        lines.append(f"verdicts on {kind} parts: {each}")
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
