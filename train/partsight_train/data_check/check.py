"""All checks of a dataset, the worst findings first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from partsight.utils.progress import Progress, silent
from partsight_train.data.dataset import Dataset
from partsight_train.data.looks import look_at
from partsight_train.data_check.duplicates import duplicates
from partsight_train.data_check.findings import Finding, Severity
from partsight_train.data_check.flat import flat
from partsight_train.data_check.folders import imbalance, mixed_shapes, too_few, unreadable
from partsight_train.data_check.mislabelled import mislabelled
from partsight_train.heads.head import Examples

__all__ = ["check"]

_ORDER = list(Severity)


def check(
    dataset: Dataset,
    digests: Mapping[Path, bytes],
    failed: Mapping[Path, str],
    examples: Examples,
    progress: Progress = silent,
    *,
    bit_depth: int | None = None,
    accept_labels: Collection[str] = (),
    min_contrast: float | None = None,
) -> tuple[Finding, ...]:
    """Find what may be wrong.

    Args:
        dataset: the pictures that can be read.
        digests: path to SHA-256 of each file.
        failed: path to the reason why a picture cannot be read.
        examples: features and labels of the dataset's pictures.
        progress: told of each picture that is looked at for the first time.
        bit_depth: see ``PreprocessSpec``.
        accept_labels: labels of good parts.
        min_contrast: of the settings.
    """
    readable = {each.path: digests[each.path] for each in dataset.pictures}
    looks = look_at(readable, progress, bit_depth=bit_depth)
    good = {each.path for each in dataset.pictures if dataset.labels[each.label] in accept_labels}
    found = [
        *unreadable(failed),
        *too_few(dataset),
        *imbalance(dataset),
        *mixed_shapes(looks.sizes),
        *flat(looks.greys, good, min_contrast),
        *duplicates(dataset, digests, looks.greys),
        *mislabelled(dataset, examples),
    ]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))
