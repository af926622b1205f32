"""Fine-tuning: training of the backbone's weights, after the head has converged.

The caller computes features with the new weights and fits the head again.

BatchNorm statistics stay unchanged: the images of a line are few and similar, and statistics over
small batches of them are worse than ImageNet's.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.image.preprocess import preprocess
from partsight.image_files.read import read_images
from partsight.utils.progress import Progress, silent
from partsight_train.backbones.backbone import Backbone, load_layer
from partsight_train.data.augmentation import random_augmentation
from partsight_train.data.dataset import LabelledImage
from partsight_train.heads.fit_head import Scaling
from partsight_train.heads.head import Head
from partsight_train.heads.optimization import EpochProgress, learning_rate
from partsight_train.network.test_time_augmentation import transformed
from partsight_train.settings import TrainSettings
from partsight_train.tensorflow_stack import keras, tf

__all__ = ["FineTunedBackbone", "fine_tune"]

# The top of a backbone, as a share of its trainable variables, counted from the end.
_TOP = 0.5
_NORM_NAMES = ("batch_norm", "batchnorm", "/bn", "gamma", "beta", "moving_")
# Share of the steps during which the learning rate rises.
_WARMUP = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class FineTunedBackbone:
    """A backbone with new weights, and its losses per epoch."""

    backbone: Backbone
    history: Sequence[Mapping[str, float]]


class _TunedModel(keras.Model):  # type: ignore[misc]
    """A model that trains only chosen variables, with its layers in inference mode."""

    def choose(self, variables: Sequence[Any]) -> None:
        # A function, so that Keras does not track them a second time.
        self.chosen: Callable[[], Sequence[Any]] = lambda: variables

    def train_step(self, data: Any) -> dict[str, Any]:
        """Run one training step; called by Keras."""
        images, labels = data
        with tf.GradientTape() as tape:
            scores = self(images, training=False)
            loss = self.compiled_loss(labels, scores)
        chosen = self.chosen()
        self.optimizer.apply_gradients(zip(tape.gradient(loss, chosen), chosen, strict=True))
        self.compiled_metrics.update_state(labels, scores)
        return {metric.name: metric.result() for metric in self.metrics}


def fine_tune(
    backbone: Backbone,
    head: Head,
    scaling: Scaling,
    train: Sequence[LabelledImage],
    validation: Sequence[LabelledImage],
    settings: TrainSettings,
    strategy: Any,
    *,
    folder: Path | None = None,
    log_dir: Path | None = None,
    progress: Progress = silent,
) -> FineTunedBackbone:
    """Train the backbone together with a copy of the head; the copy is then discarded.

    Args:
        backbone: backbone to start from; it is not changed.
        head: start of the copy, for the features of this backbone.
        scaling: scaling of these features, so that one learning rate suits backbone and head.
        train: images to train on, augmented according to ``settings.augment``.
        validation: images for validation losses; they do not change the result.
        settings: the settings of the run.
        strategy: the ``tf.distribute`` strategy to train under.
        folder: folder for the state after each epoch, from which a killed run continues.
        log_dir: folder for TensorBoard.
        progress: reports each epoch.
    """
    epochs, batch_size = (
        settings.fine_tune.fine_tune_epochs,
        settings.fine_tune.fine_tune_batch_size,
    )
    keras.utils.set_random_seed(settings.head.seed)
    steps_per_epoch = -(-len(train) // batch_size)
    with strategy.scope():
        layer = load_layer(backbone.folder, trainable=True)
        model = _compiled_model(backbone, layer, head, scaling, settings, steps_per_epoch * epochs)
    count = len(head.bias)
    history = model.fit(
        _train_batches(train, backbone, count, settings),
        validation_data=_batches(lambda: iter(validation), backbone, count, batch_size),
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        verbose=0,
        callbacks=_callbacks(epochs, progress, folder, log_dir),
    ).history
    rows = zip(*history.values(), strict=True)
    tuned = dataclasses.replace(backbone, layer=layer)
    return FineTunedBackbone(tuned, [dict(zip(history, row, strict=True)) for row in rows])


def _compiled_model(
    backbone: Backbone,
    layer: Any,
    head: Head,
    scaling: Scaling,
    settings: TrainSettings,
    steps: int,
) -> _TunedModel:
    chosen = settings.fine_tune
    model = _model(backbone, layer, head, scaling)
    model.choose([*_chosen_variables(layer, chosen.fine_tune), *model.layers[-1].weights])
    warmup_steps = max(1, int(_WARMUP * steps))
    rate = learning_rate(chosen.fine_tune_learning_rate, "cosine", warmup_steps, steps)
    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings.head.label_smoothing),
        ["accuracy"],
    )
    return model


def _callbacks(
    epochs: int, progress: Progress, folder: Path | None, log_dir: Path | None
) -> list[Any]:
    callbacks: list[Any] = [EpochProgress(progress, epochs)]
    if folder is not None:
        # The checkpoint stays after fine-tuning, because the run may be killed later.
        callbacks.append(keras.callbacks.BackupAndRestore(str(folder), delete_checkpoint=False))
    if log_dir is not None:
        callbacks.append(keras.callbacks.TensorBoard(log_dir, write_graph=False))
    return callbacks


def _model(backbone: Backbone, layer: Any, head: Head, scaling: Scaling) -> _TunedModel:
    """Return backbone, scaling and softmax as one model.

    Features are also divided by sqrt(D), because Adam changes every weight by the same amount.
    """
    size = np.float32(np.sqrt(backbone.feature_size))
    image = keras.Input((backbone.spec.height, backbone.spec.width, 3))
    features = layer(image / 255, training=False)
    scaled = (features - scaling.mean) / (scaling.scale * size)
    dense = keras.layers.Dense(len(head.bias), "softmax")
    model = _TunedModel(image, dense(scaled))
    dense.set_weights(
        [
            head.kernel * (scaling.scale * size)[:, np.newaxis],
            head.bias + scaling.mean @ head.kernel,
        ]
    )
    return model


def _chosen_variables(layer: Any, part: str) -> list[Any]:
    """Return the variables to train: without BatchNorm, and for "top" only the last ones."""
    variables = [
        variable
        for variable in layer.trainable_variables
        if not any(name in variable.name.lower() for name in _NORM_NAMES)
    ]
    first = int(len(variables) * (1 - _TOP)) if part == "top" else 0
    return variables[first:]


def _train_batches(
    images: Sequence[LabelledImage], backbone: Backbone, count: int, settings: TrainSettings
) -> Any:
    """Return an endless dataset of batches, shuffled and augmented differently in each epoch."""
    generator = random.Random(settings.head.seed)

    def order() -> Iterator[LabelledImage]:
        while True:
            yield from generator.sample(list(images), len(images))

    def any_symmetry(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        number = generator.randrange(backbone.views)
        return np.asarray(transformed(image[np.newaxis], number)[0], np.uint8)

    batch_size = settings.fine_tune.fine_tune_batch_size
    batches = _batches(order, backbone, count, batch_size, any_symmetry)
    if settings.augment.active:
        augment = random_augmentation(settings.augment, settings.head.seed)
        batches = batches.map(lambda images, labels: (augment(images), labels))
    return batches.prefetch(2)


def _batches(
    order: Callable[[], Iterator[LabelledImage]],
    backbone: Backbone,
    count: int,
    size: int,
    transform: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = lambda image: image,
) -> Any:
    """Return batches of float32 (N, H, W, 3) RGB in [0, 255] and one-hot labels, decoded lazily."""

    def examples() -> Iterator[tuple[NDArray[np.uint8], int]]:
        for_paths, for_labels = itertools.tee(order())
        decoded = read_images((labelled.path for labelled in for_paths), backbone.spec)
        for labelled, (_, image) in zip(for_labels, decoded, strict=True):
            if isinstance(image, np.ndarray):
                yield transform(preprocess(image, backbone.spec)), labelled.label

    shape = (backbone.spec.height, backbone.spec.width, 3)
    signature = (tf.TensorSpec(shape, tf.uint8), tf.TensorSpec((), tf.int32))
    images = tf.data.Dataset.from_generator(examples, output_signature=signature)
    return images.batch(size).map(
        lambda images, labels: (tf.cast(images, tf.float32), tf.one_hot(labels, count))
    )
