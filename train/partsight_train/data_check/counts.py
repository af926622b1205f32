"""Findings about numbers of images and their sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from partsight.utils.counts import counted
from partsight_train.data.dataset import Dataset
from partsight_train.data_check.findings import Finding, Severity

__all__ = ["imbalance", "mixed_shapes", "too_few", "unreadable"]

# The number at which TensorFlow's retrain.py warned.
_FEW_IMAGES = 20
_MAX_TIMES = 10
# Ratio of the largest to the smallest aspect ratio; above it, stretching distorts parts visibly.
_MAX_SPREAD = 1.5


def unreadable(failed: Mapping[Path, str]) -> Iterator[Finding]:
    """Yield one finding per file that cannot be read."""
    for path, reason in failed.items():
        yield Finding("unreadable", Severity.ERROR, f"{path}: {reason}")


def too_few(dataset: Dataset) -> Iterator[Finding]:
    """Yield a finding per label with too few images for reliable figures."""
    for label, count in _sizes(dataset).items():
        if count < _FEW_IMAGES:
            yield Finding(
                "too few",
                Severity.WARNING,
                f"label {label} has only {counted(count, 'image')}: with fewer than {_FEW_IMAGES}, "
                "its figures are not reliable. Add images, and measure with --cross-validate.",
            )


def imbalance(dataset: Dataset) -> Iterator[Finding]:
    """Yield a finding if one label is far more frequent than another."""
    sizes = _sizes(dataset)
    most, least = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
    if sizes[most] >= _MAX_TIMES * sizes[least]:
        yield Finding(
            "imbalance",
            Severity.WARNING,
            f"label {most} has {counted(sizes[most], 'image')}, label {least} has {sizes[least]}: "
            f"parts of the rarer label will be missed more often. Add images of {least}, or train "
            "with --balance class-weights.",
        )


def mixed_shapes(sizes: Mapping[Path, tuple[int, int]]) -> Iterator[Finding]:
    """Yield a finding if images have different aspect ratios, which stretching would equalize."""
    if not sizes:
        return
    shapes = {path: width / height for path, (height, width) in sizes.items()}
    narrow, wide = min(shapes, key=shapes.__getitem__), max(shapes, key=shapes.__getitem__)
    if shapes[wide] > _MAX_SPREAD * shapes[narrow]:
        yield Finding(
            "mixed shapes",
            Severity.WARNING,
            f"images have {len(set(sizes.values()))} sizes, with width:height from "
            f"{shapes[narrow]:.2f} to {shapes[wide]:.2f}; stretched to one size, the same part "
            "looks different. Capture all images in one size, or train with --resize-mode "
            "letterbox.",
            ((narrow, wide),),
        )


def _sizes(dataset: Dataset) -> dict[str, int]:
    found = Counter(image.label for image in dataset.images)
    return {label: found[index] for index, label in enumerate(dataset.labels)}
