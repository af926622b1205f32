"""A network with all rounded that int8 rounds, which learns the approved model's scores."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight_train.export.fake_quantization import (
    kernels_of,
    rounded_kernel,
    with_rounded_values,
)
from partsight_train.export.graph import Graph
from partsight_train.tensorflow_stack import tf

__all__ = ["Lesson", "Student"]

_BATCH = 16
# Of the kernels, counted from the end.
_LEARNING_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Pictures uint8 (N, H, W, 3) RGB, and logits float32 (N, T, K) of their T tiles."""

    pictures: NDArray[np.uint8]
    logits: NDArray[np.float32]

    @classmethod
    def of(cls, teacher: Graph, pictures: Sequence[NDArray[np.uint8]]) -> Lesson:
        """What a network says of pictures."""
        run = tf.function(teacher.function.prune(teacher.function.inputs, teacher.logits))
        logits = [run(tf.constant(_fed(picture[np.newaxis]))).numpy() for picture in pictures]
        return cls(np.stack(pictures), np.stack(logits))

    @property
    def steps(self) -> int:
        """Batches a pass."""
        return -(-len(self.pictures) // _BATCH)

    def batches(self, rows: Sequence[int]) -> Iterator[tuple[Any, Any]]:
        """Tensors (B, H, W, 3) in [0, 1] and (T * B, K), in which all first tiles come first."""
        for start in range(0, len(rows), _BATCH):
            chosen = list(rows[start : start + _BATCH])
            logits = self.logits[chosen].swapaxes(0, 1).reshape(-1, self.logits.shape[2])
            yield tf.constant(_fed(self.pictures[chosen])), tf.constant(logits)


class Student:
    """Holds the variables of the last layers and of the head."""

    def __init__(self, graph: Graph, ranges: Mapping[str, tuple[float, float]], bits: int) -> None:
        self._definition = with_rounded_values(graph.function.graph.as_graph_def(), ranges, bits)
        self._ends = (graph.function.inputs[0].name, graph.logits.name)
        kernels = kernels_of(graph)
        self._axes = {name: axes for name, (_, axes) in kernels.items()}
        self._fixed = {name: value for name, (value, _) in kernels.items()}
        learning = list(kernels)[int(len(kernels) * (1 - _LEARNING_SHARE)) :]
        self._variables = {name: tf.Variable(self._fixed.pop(name)) for name in learning}
        self._variables[graph.logits.op.inputs[1].name] = tf.Variable(graph.head.bias)
        self._loss = tf.function(lambda *batch: self._divergence(*batch)[0])
        self._gradients = tf.function(self._slopes)

    def constants(self) -> dict[str, NDArray[np.float32]]:
        """What was learned, by the names of the tensors whose place it takes."""
        return {name: variable.numpy() for name, variable in self._variables.items()}

    def loss(self, lesson: Lesson) -> float:
        """The mean divergence of its scores from the lesson's, in nats."""
        batches = lesson.batches(range(len(lesson.pictures)))
        total = sum(float(self._loss(*batch)) * len(batch[1]) for batch in batches)
        return total / lesson.logits[:, :, 0].size

    def learn(self, lesson: Lesson, optimizer: Any, seed: int) -> None:
        """One pass, in an order of that seed."""
        rows = random.Random(seed).sample(range(len(lesson.pictures)), len(lesson.pictures))
        variables = list(self._variables.values())
        for batch in lesson.batches(rows):
            optimizer.apply_gradients(zip(self._gradients(*batch), variables, strict=True))

    def _divergence(self, pictures: Any, wanted: Any) -> tuple[Any, dict[str, Any]]:
        """S. Kullback and R. A. Leibler's, of the scores from the wanted, and what it hangs on."""
        learning = {name: tf.convert_to_tensor(each) for name, each in self._variables.items()}
        values = {name: tf.constant(each) for name, each in self._fixed.items()} | learning
        rounded = {name: rounded_kernel(values[name], axes) for name, axes in self._axes.items()}
        fed, logits = self._ends
        (given,) = tf.graph_util.import_graph_def(
            self._definition, {fed: pictures, **values, **rounded}, [logits], name=""
        )
        exact, mine = tf.nn.log_softmax(wanted), tf.nn.log_softmax(given)
        divergence = tf.reduce_sum(tf.exp(exact) * (exact - mine), axis=1)
        return tf.reduce_mean(divergence), learning

    def _slopes(self, pictures: Any, wanted: Any) -> Any:
        # A tape does not see what is imported; the graph's own gradients do.
        loss, learning = self._divergence(pictures, wanted)
        return tf.gradients(loss, list(learning.values()))


def _fed(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pictures.astype(np.float32) / np.float32(255)
