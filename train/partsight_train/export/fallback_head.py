"""The head refitted to the features of the quantized backbone.

The target is the logits of the approved model. Ridge regression fits the change of the head, so
that the head stays unchanged where the features do not require a change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from partsight.inference.scores import softmax
from partsight_train.conversion.convert import convert
from partsight_train.conversion.names import IN_INT8, VariantName
from partsight_train.data.dataset import Split
from partsight_train.export.fallback_outputs import outputs_of
from partsight_train.export.graph import open_graph
from partsight_train.export.variant import ConversionSpec, ReferenceModel
from partsight_train.heads.head import Head

__all__ = ["Targets", "refit", "refitted_head"]

# Factors of the largest eigenvalue: from almost no penalty to a change of the bias only.
_PENALTIES = np.logspace(-6, 2, 17)
# Weight of an example whose label is certain; one halfway between two labels weighs 0.5.
_LEAST_WEIGHT = 0.01


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Features float (M, D) of pictures or tiles, and the logits float (M, K) to fit."""

    features: NDArray[np.float64]
    logits: NDArray[np.float64]

    @property
    def weights(self) -> NDArray[np.float64]:
        """float (M, 1): how much the scores change with the logits."""
        scores = softmax(self.logits)
        slope: NDArray[np.float64] = (scores * (1 - scores)).sum(axis=1, keepdims=True)
        return slope + _LEAST_WEIGHT


def refitted_head(
    reference_model: ReferenceModel, variant: VariantName, refused: ConversionSpec
) -> Iterator[tuple[str, ConversionSpec]]:
    """Yield the network with a head refitted to features of the quantized backbone.

    Raises:
        ModelError: the network has no head that can be found, or the backbone cannot be converted.
    """
    shape, spec = reference_model.shape, reference_model.draft.preprocess
    graph = open_graph(reference_model.network, shape)
    calibration = refused.calibration.pictures() if refused.calibration else []
    # Float input and output: features are read as the file computes them.
    kind = "int8-float" if variant in IN_INT8 else variant
    files = [
        convert(graph.features, shape, kind, calibration),
        convert(graph.features, shape, "none"),
    ]

    def targets(split: Split) -> Targets:
        quantized, exact = (
            outputs_of(file, reference_model.pictures[split], spec)
            .reshape(-1, len(graph.head.kernel))
            .astype(np.float64)
            for file in files
        )
        return Targets(quantized, exact @ graph.head.kernel + graph.head.bias)

    head = refit(graph.head, targets(Split.TRAIN), targets(Split.VALIDATION))
    yield (
        "to features of the quantized backbone",
        dataclasses.replace(refused, network=graph.with_head(head), ranged=b""),
    )


def refit(head: Head, train: Targets, validation: Targets) -> Head:
    """Change a head so that it gives the target logits.

    Weighted least squares with a penalty on the squares of the change of the kernel, by the
    singular value decomposition (A. E. Hoerl and R. W. Kennard, "Ridge Regression",
    Technometrics 12, 1970); the bias is free. The weight p (1 - p) is that of logits in the
    second-order expansion of the cross-entropy.

    Args:
        head: kernel (D, K) and bias (K,).
        train: examples to fit.
        validation: examples to choose the penalty by.
    """
    weights = train.weights
    # A feature that int8 makes constant belongs to the bias: its weight would only make the steps
    # of the kernel coarser.
    varies = np.ptp(train.features, axis=0) > 0
    base = np.where(varies[:, np.newaxis], head.kernel, 0)
    mean = (weights * train.features).sum(axis=0) / weights.sum()
    missing = train.logits - train.features @ base - head.bias
    centre = (weights * missing).sum(axis=0) / weights.sum()
    scaled = np.where(varies, np.sqrt(weights) * (train.features - mean), 0)
    left, size, right = np.linalg.svd(scaled, full_matrices=False)
    aim = left.T @ (np.sqrt(weights) * (missing - centre))
    heads = []
    for penalty in _PENALTIES * size.max() ** 2:
        change = right.T @ ((size / (size**2 + penalty))[:, np.newaxis] * aim)
        kernel = base + change
        bias = head.bias + centre - mean @ change
        heads.append(Head(kernel.astype(np.float32), bias.astype(np.float32)))
    return min(heads, key=lambda each: _error(each, validation))


def _error(head: Head, targets: Targets) -> float:
    missing = targets.logits - targets.features @ head.kernel - head.bias
    return float((targets.weights * missing**2).sum())
