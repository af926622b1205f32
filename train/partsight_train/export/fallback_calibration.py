"""More calibration pictures, or pictures that differ more.

Ranges that were measured on too few pictures clip the values that other pictures cause.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight_train.conversion.convert import convert
from partsight_train.conversion.names import CALIBRATED, VariantName
from partsight_train.data.calibration import Calibration, choose_calibration
from partsight_train.data.dataset import Split
from partsight_train.export.fallback_outputs import outputs_of
from partsight_train.export.graph import open_graph
from partsight_train.export.variant import ConversionSpec, ReferenceModel

__all__ = ["farthest_first", "more_calibration"]

_TIMES_AS_MANY = 4


def more_calibration(
    reference_model: ReferenceModel, variant: VariantName, refused: ConversionSpec
) -> Iterator[tuple[str, ConversionSpec]]:
    """Yield four times as many pictures; then, if more exist, those with the widest features.

    Raises:
        ModelError: there are no more pictures, or the variant needs none.
    """
    pictures, spec = reference_model.pictures[Split.TRAIN], reference_model.draft.preprocess
    if variant not in CALIBRATED or refused.calibration is None:
        raise ModelError(f"{variant} needs no calibration pictures")
    used = len(refused.calibration.paths)
    if used >= len(pictures):
        raise ModelError(f"all {used} training pictures are used already")
    more = choose_calibration(
        pictures, spec, _TIMES_AS_MANY * used, reference_model.settings.head.seed
    )
    count = len(more.paths)
    yield f"{count} pictures", dataclasses.replace(refused, calibration=more, ranged=b"")
    if count < len(pictures):
        graph = open_graph(reference_model.network, reference_model.shape)
        features = outputs_of(
            convert(graph.features, reference_model.shape, "none"), pictures, spec
        )
        order = farthest_first(features, count)
        spread = Calibration(tuple(pictures[row].path for row in order), spec)
        wider = dataclasses.replace(refused, calibration=spread, ranged=b"")
        yield f"{count} pictures by the spread of their features", wider


def farthest_first(features: NDArray[np.float32], count: int) -> list[int]:
    """Return ``count`` rows of features, float32 (N, D), each the farthest from all earlier ones.

    The first row is the farthest from the mean. T. F. Gonzalez, "Clustering to minimize the maximum
    intercluster distance", Theoretical Computer Science 38 (1985).
    """
    distance = np.square(features - features.mean(axis=0)).sum(axis=1)
    chosen = [int(distance.argmax())]
    distance = np.full(len(features), np.inf)
    while len(chosen) < min(count, len(features)):
        to_last = np.square(features - features[chosen[-1]]).sum(axis=1)
        distance = np.minimum(distance, to_last)
        distance[chosen] = -1
        chosen.append(int(distance.argmax()))
    return chosen
