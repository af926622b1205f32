"""Quantization-aware fine-tuning: the head and the last layers learn to bear being rounded.

What they learn is what the approved model says of the training pictures, not their labels: the
file shall decide as that model does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight_train.conversion.names import CALIBRATED, VariantName
from partsight_train.data.calibration import choose_calibration
from partsight_train.data.dataset import Split
from partsight_train.export.fake_quantization import activations_of, ranges_of
from partsight_train.export.graph import Graph, open_graph
from partsight_train.export.student import Lesson, Student
from partsight_train.export.variant import ConversionSpec, ReferenceModel
from partsight_train.heads.optimization import learning_rate
from partsight_train.tensorflow_stack import keras

__all__ = ["fine_tuned"]

_EPOCHS = 3
_LEARNING_RATE = 2e-6
_BITS = {"int8": 8, "int8-float": 8, "int16x8": 16}
# Views or tiles that a pass goes over, and pictures that ranges come from: both take minutes.
_MOST_SEEN, _MOST_RANGES = 640, 50


def fine_tuned(
    reference_model: ReferenceModel, variant: VariantName, refused: ConversionSpec
) -> Iterator[tuple[str, ConversionSpec]]:
    """The last half of the kernels and the head's bias trained with what int8 makes of them.

    Raises:
        ModelError: the variant has no ranges, the head cannot be found in the network, or what
            was learned is no closer to the approved model.
    """
    if variant not in CALIBRATED or refused.calibration is None:
        raise ModelError(f"{variant} takes no ranges from pictures")
    graph = open_graph(reference_model.network, reference_model.shape)
    ranges = ranges_of(graph, activations_of(graph), refused.calibration.pictures()[:_MOST_RANGES])
    student = Student(graph, ranges, _BITS[variant])
    train, validation = (
        _lesson(graph, reference_model, part) for part in (Split.TRAIN, Split.VALIDATION)
    )
    before = best = student.loss(validation)
    constants: dict[str, NDArray[np.float32]] = {}
    steps = _EPOCHS * train.steps
    rate = learning_rate(_LEARNING_RATE, "cosine", max(1, steps // 10), steps)
    optimizer = keras.optimizers.Adam(rate)
    for epoch in range(_EPOCHS):
        student.learn(train, optimizer, reference_model.settings.head.seed + epoch)
        loss = student.loss(validation)
        if loss < best:
            best, constants = loss, student.constants()
    if not constants:
        raise ModelError(f"nothing that was learned in {_EPOCHS} passes came closer")
    yield (
        f"divergence from {before:.4f} to {best:.4f} nats on validation",
        dataclasses.replace(refused, network=graph.with_constants(constants), ranged=b""),
    )


def _lesson(teacher: Graph, reference_model: ReferenceModel, part: Split) -> Lesson:
    settings, spec = reference_model.settings, reference_model.draft.preprocess
    most = max(1, _MOST_SEEN // (settings.views * settings.tiles[0] * settings.tiles[1]))
    chosen = choose_calibration(reference_model.pictures[part], spec, most, settings.head.seed)
    return Lesson.of(teacher, chosen.pictures())
