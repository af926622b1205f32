"""Findings that counting gives: numbers of pictures, and their sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from partsight_train.data.dataset import Dataset
from partsight_train.data_check.findings import Finding, Severity

__all__ = ["imbalance", "mixed_shapes", "too_few", "unreadable"]

# retrain.py warned at the same number.
_FEW_IMAGES = 20
_MOST_TIMES = 10
# Widest against narrowest: beyond it, stretching makes one part look like another.
_MOST_SPREAD = 1.5


def unreadable(failed: Mapping[Path, str]) -> Iterator[Finding]:
    """A finding a file, for its reason."""
    for path, reason in failed.items():
        yield Finding("unreadable", Severity.ERROR, f"{path}: {reason}")


def too_few(dataset: Dataset) -> Iterator[Finding]:
    """Labels whose figures would say little."""
    for label, count in _sizes(dataset).items():
        if count < _FEW_IMAGES:
            yield Finding(
                "too few",
                Severity.WARNING,
                f"label {label} has only {count} pictures; below {_FEW_IMAGES} its figures say "
                "little. Add pictures, and measure with --cross-validate.",
            )


def imbalance(dataset: Dataset) -> Iterator[Finding]:
    """One label far more frequent than another."""
    sizes = _sizes(dataset)
    most, least = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
    if sizes[most] >= _MOST_TIMES * sizes[least]:
        yield Finding(
            "imbalance",
            Severity.WARNING,
            f"label {most} has {sizes[most]} pictures, {least} has {sizes[least]}: the rarer will "
            "be missed more often. Add pictures of it, or train with --balance class-weights.",
        )


def mixed_shapes(sizes: Mapping[Path, tuple[int, int]]) -> Iterator[Finding]:
    """Pictures of different proportions, which stretching would make alike."""
    if not sizes:
        return
    shapes = {path: width / height for path, (height, width) in sizes.items()}
    narrow, wide = min(shapes, key=shapes.__getitem__), max(shapes, key=shapes.__getitem__)
    if shapes[wide] > _MOST_SPREAD * shapes[narrow]:
        yield Finding(
            "mixed shapes",
            Severity.WARNING,
            f"pictures have {len(set(sizes.values()))} sizes, from {shapes[narrow]:.2f} to "
            f"{shapes[wide]:.2f} times as wide as high; stretched to one size, the same part "
            "looks different. Capture them alike, or train with --fit letterbox.",
            ((narrow, wide),),
        )


def _sizes(dataset: Dataset) -> dict[str, int]:
    found = Counter(picture.label for picture in dataset.pictures)
    return {label: found[index] for index, label in enumerate(dataset.labels)}
