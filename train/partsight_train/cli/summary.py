"""The result of a training run for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.report_text import metrics_text
from partsight.utils.counts import counted
from partsight_train.train import Outcome

__all__ = ["mistakes_text", "summary_text"]


def summary_text(outcome: Outcome) -> str:
    """Test metrics of the float model and of the file, their parity, and the paths."""
    metrics, int8 = outcome.metrics, outcome.metrics["int8"]
    point, parity = int8["operating_point"], int8["parity"]
    sections = [
        *_dataset_text(metrics.get("dataset")),
        f"Test split, float model: {metrics_text(metrics, 'test_')}",
        f"Test split, int8 file: {metrics_text(int8, 'test_')}",
        f"Parity: same label on {parity['agreement']:.2%} of the test images, "
        f"scores differ by {parity['mean_difference']:.4f} on average, "
        f"{parity['max_difference']:.4f} at most",
        f"Operating point: {_thresholds(point)}{_rates(point)}",
        *_reference_text(int8.get("drift_reference")),
        *_folds_text(metrics.get("cross_validation")),
        f"Model:  {outcome.model}\nReport: {outcome.report}",
    ]
    return "\n\n".join(sections)


def mistakes_text(outcome: Outcome) -> str:
    """One line per misclassified test image, the highest score first."""
    lines = [f"Misclassified test images: {len(outcome.mistakes)}"] + [
        f"  {str(each.path)!r}: {each.true}, classified as {each.predicted} ({each.score:.3f})"
        for each in outcome.mistakes
    ]
    return "\n".join(lines)


def _thresholds(point: Mapping[str, Any]) -> str:
    return OperatingPoint(**{**point, "accept_labels": tuple(point["accept_labels"])}).in_words()


def _reference_text(facts: Mapping[str, Any] | None) -> list[str]:
    """Whether the file has a drift reference; empty for metrics without this entry."""
    if facts is None:
        return []
    if facts["problem"] is not None:
        return [
            f"Drift reference: none, so the line measures its own (good images expected: at least "
            f"{facts['expected']}, received: {facts['good_pictures']})"
        ]
    return [f"Drift reference: {counted(facts['good_pictures'], 'good image')}"]


def _dataset_text(dataset: Mapping[str, Any] | None) -> list[str]:
    """Images and parts per label, and notes on how the folder was read."""
    if dataset is None:
        return []
    lines = [
        f"{label}: {counted(sum(splits.values()), 'image')} ("
        + ", ".join(f"{count} {split}" for split, count in splits.items())
        + f") of {counted(dataset['parts'][label], 'part')}"
        for label, splits in dataset["pictures"].items()
    ]
    return ["\n".join([*lines, *dataset["notes"]])]


def _rates(point: Mapping[str, Any]) -> str:
    if point["recall"] is None or point["false_reject_rate"] is None:
        return ""
    return (
        f"\n  on the validation split {point['recall']:.2%} of the bad parts and "
        f"{point['false_reject_rate']:.2%} of the good parts are not accepted"
    )


def _folds_text(folds: Mapping[str, Any] | None) -> list[str]:
    if folds is None:
        return []
    by_fold = ", ".join(f"{accuracy:.4f}" for accuracy in folds["accuracy_by_fold"])
    rejected = folds["false_rejects_at_target_recall"]
    lines = [f"Cross-validation, float model: {metrics_text(folds)}", f"By fold: {by_fold}"]
    if rejected is not None:
        lines.append(f"Good parts not accepted at the target recall of bad parts: {rejected:.2%}")
    return ["\n".join(lines)]
