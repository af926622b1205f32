"""All checks of a dataset, most severe findings first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from partsight.utils.progress import Progress, silent
from partsight_train.data.dataset import Dataset
from partsight_train.data.image_summaries import summarize_images
from partsight_train.data_check.counts import imbalance, mixed_shapes, too_few, unreadable
from partsight_train.data_check.duplicates import duplicates
from partsight_train.data_check.findings import Finding, Severity
from partsight_train.data_check.flat import flat
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
    cache: Path | None = None,
    accept_labels: Collection[str] = (),
    min_contrast: float | None = None,
) -> tuple[Finding, ...]:
    """Return findings about possible errors in the images and labels.

    Args:
        dataset: the readable images.
        digests: path to SHA-256 of each file.
        failed: path to the reason why an image cannot be read.
        examples: features and labels of the dataset's images.
        progress: reports each image that is summarized for the first time.
        bit_depth: see ``PreprocessSpec``.
        cache: folder of the cache; None for the default, see ``cache_dir``.
        accept_labels: labels of good parts.
        min_contrast: ``TrainSettings.min_contrast``.
    """
    readable = {each.path: digests[each.path] for each in dataset.images}
    good = {each.path for each in dataset.images if dataset.labels[each.label] in accept_labels}
    summaries = summarize_images(readable, progress, bit_depth=bit_depth, cache=cache)
    found = [
        *unreadable(failed),
        *too_few(dataset),
        *imbalance(dataset),
        *mixed_shapes(summaries.sizes),
        *flat(summaries.greys, good, min_contrast),
        *duplicates(dataset, digests, summaries.greys),
        *mislabelled(dataset, examples),
    ]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))
