"""The head fitted again, to what the quantized backbone gives.

It shall give the approved model's logits, so what is fitted is the difference between the two,
by ridge regression: a head that nothing speaks against stays as it was approved.
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

__all__ = ["Wanted", "refit", "refitted_head"]

# Times the largest eigenvalue: from next to no penalty on a change of the kernel to the bias alone.
_PENALTIES = np.logspace(-6, 2, 17)
# Of an example whose label is sure; one between two labels weighs 0.5.
_LEAST_WEIGHT = 0.01


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Features float (M, D) of pictures or tiles, and the logits float (M, K) they shall get."""

    features: NDArray[np.float64]
    logits: NDArray[np.float64]

    @property
    def weights(self) -> NDArray[np.float64]:
        """float (M, 1): where scores hang on the logits, they weigh as much as that."""
        scores = softmax(self.logits)
        hanging: NDArray[np.float64] = (scores * (1 - scores)).sum(axis=1, keepdims=True)
        return hanging + _LEAST_WEIGHT


def refitted_head(
    reference_model: ReferenceModel, variant: VariantName, refused: ConversionSpec
) -> Iterator[tuple[str, ConversionSpec]]:
    """The head refitted to features of the quantized backbone.

    Raises:
        ModelError: the head cannot be found in the network, or the backbone not be converted.
    """
    shape, spec = reference_model.shape, reference_model.draft.preprocess
    graph = open_graph(reference_model.network, shape)
    calibration = refused.calibration.pictures() if refused.calibration else []
    # In float where it is fed and read: features come as they are inside of the file.
    kind = "int8-float" if variant in IN_INT8 else variant
    files = [
        convert(graph.features, shape, kind, calibration),
        convert(graph.features, shape, "none"),
    ]

    def wanted(part: Split) -> Wanted:
        given, right = (
            outputs_of(file, reference_model.pictures[part], spec)
            .reshape(-1, len(graph.head.kernel))
            .astype(np.float64)
            for file in files
        )
        return Wanted(given, right @ graph.head.kernel + graph.head.bias)

    head = refit(graph.head, wanted(Split.TRAIN), wanted(Split.VALIDATION))
    yield (
        "to features of the quantized backbone",
        dataclasses.replace(refused, network=graph.with_head(head), ranged=b""),
    )


def refit(head: Head, train: Wanted, validation: Wanted) -> Head:
    """Change a head so that it gives the wanted logits.

    Weighted least squares with a penalty on the squares of the change of the kernel, by the
    singular value decomposition (A. E. Hoerl and R. W. Kennard, "Ridge Regression",
    Technometrics 12, 1970); the bias is free. The weight p (1 - p) is that of logits in the
    second-order expansion of the cross-entropy.

    Args:
        head: kernel (D, K) and bias (K,).
        train: what is fitted.
        validation: what chooses the penalty.
    """
    weights = train.weights
    # What int8 makes constant belongs to the bias: its weights would but widen the kernel's steps.
    varies = np.ptp(train.features, axis=0) > 0
    reference_model = np.where(varies[:, np.newaxis], head.kernel, 0)
    mean = (weights * train.features).sum(axis=0) / weights.sum()
    missing = train.logits - train.features @ reference_model - head.bias
    centre = (weights * missing).sum(axis=0) / weights.sum()
    scaled = np.where(varies, np.sqrt(weights) * (train.features - mean), 0)
    left, size, right = np.linalg.svd(scaled, full_matrices=False)
    aim = left.T @ (np.sqrt(weights) * (missing - centre))
    heads = []
    for penalty in _PENALTIES * size.max() ** 2:
        change = right.T @ ((size / (size**2 + penalty))[:, np.newaxis] * aim)
        kernel = reference_model + change
        bias = head.bias + centre - mean @ change
        heads.append(Head(kernel.astype(np.float32), bias.astype(np.float32)))
    return min(heads, key=lambda each: _error(each, validation))


def _error(head: Head, wanted: Wanted) -> float:
    missing = wanted.logits - wanted.features @ head.kernel - head.bias
    return float((wanted.weights * missing**2).sum())
