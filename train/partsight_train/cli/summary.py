"""What a finished training run says on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.report_text import metrics_text
from partsight_train.train import Outcome

__all__ = ["mistakes_text", "summary_text"]


def summary_text(outcome: Outcome) -> str:
    """The float model's test figures, the file's, their parity, and where things are."""
    metrics, int8 = outcome.metrics, outcome.metrics["int8"]
    point, parity = int8["operating_point"], int8["parity"]
    sections = [
        *_dataset_text(metrics.get("dataset")),
        f"Test split, float model: {metrics_text(metrics, 'test_')}",
        f"Test split, int8 file: {metrics_text(int8, 'test_')}",
        f"Parity: same label on {parity['agreement']:.2%} of the test pictures, "
        f"scores differ by {parity['mean_difference']:.4f} on average, "
        f"{parity['max_difference']:.4f} at most",
        f"Operating point: {_thresholds(point)}{_rates(point)}",
        *_reference_text(int8.get("drift_reference")),
        *_folds_text(metrics.get("cross_validation")),
        f"Model:  {outcome.model}\nReport: {outcome.report}",
    ]
    return "\n\n".join(sections)


def mistakes_text(outcome: Outcome) -> str:
    """A line for each test picture that the file got wrong, the surest first."""
    lines = [f"Misclassified test pictures: {len(outcome.mistakes)}"] + [
        f"  {str(each.path)!r}: {each.true}, taken for {each.predicted} ({each.score:.3f})"
        for each in outcome.mistakes
    ]
    return "\n".join(lines)


def _thresholds(point: Mapping[str, Any]) -> str:
    return OperatingPoint(**{**point, "accept_labels": tuple(point["accept_labels"])}).in_words()


def _reference_text(facts: Mapping[str, Any] | None) -> list[str]:
    """Whether the file knows what good parts look like; nothing where nobody measured it."""
    if facts is None:
        return []
    if facts["problem"] is not None:
        return [
            f"Drift reference: none, the line learns one (good pictures expected: at least "
            f"{facts['expected']}, received: {facts['good_pictures']})"
        ]
    return [f"Drift reference: {facts['good_pictures']} good pictures"]


def _dataset_text(dataset: Mapping[str, Any] | None) -> list[str]:
    """Pictures and parts of each label, and how the folder was read."""
    if dataset is None:
        return []
    lines = [
        f"{label}: {sum(splits.values())} pictures of {dataset['parts'][label]} parts ("
        + ", ".join(f"{count} {split}" for split, count in splits.items())
        + ")"
        for label, splits in dataset["pictures"].items()
    ]
    return ["\n".join([*lines, *dataset["notes"]])]


def _rates(point: Mapping[str, Any]) -> str:
    if point["recall"] is None or point["false_reject_rate"] is None:
        return ""
    return (
        f"\n  on the validation split that keeps {point['recall']:.2%} of the bad parts from "
        f"acceptance, and {point['false_reject_rate']:.2%} of the good ones"
    )


def _folds_text(folds: Mapping[str, Any] | None) -> list[str]:
    if folds is None:
        return []
    by_fold = ", ".join(f"{accuracy:.4f}" for accuracy in folds["accuracy_by_fold"])
    rejected = folds["false_rejects_at_target_recall"]
    lines = [f"Cross-validation, float model: {metrics_text(folds)}", f"By fold: {by_fold}"]
    if rejected is not None:
        lines.append(f"Good parts not accepted at the wanted recall of bad ones: {rejected:.2%}")
    return ["\n".join(lines)]
