"""Fine-tuning: the backbone's own weights trained on, after the head has settled.

Enters: a frozen backbone, a head that fits it, and labelled pictures. Leaves: the backbone
with new weights; the caller computes features with it and fits the head again. Called by
``learn``.

BatchNorm stays as it is: a line's pictures are few and alike, and statistics over small
batches of them are worth less than ImageNet's.
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
from partsight_train.data.augmentation import augmentation
from partsight_train.data.dataset import LabelledImage
from partsight_train.heads.fit_head import Scaling
from partsight_train.heads.head import Head
from partsight_train.heads.optimization import EpochProgress, learning_rate
from partsight_train.network.test_time_augmentation import view
from partsight_train.settings import TrainSettings
from partsight_train.tensorflow_stack import keras, tf

__all__ = ["Tuned", "fine_tune"]

# Of the upper part of a backbone: share of its trainable variables, counted from the end.
_TOP = 0.5
_NORM_NAMES = ("batch_norm", "batchnorm", "/bn", "gamma", "beta", "moving_")
# Share of the steps over which the learning rate rises.
_WARMUP = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """A backbone with new weights, and its losses by epoch."""

    backbone: Backbone
    history: Sequence[Mapping[str, float]]


class _TunedModel(keras.Model):  # type: ignore[misc]
    """A model of which only chosen variables are trained, in inference mode."""

    def choose(self, variables: Sequence[Any]) -> None:
        # Behind a function, so that Keras does not track them a second time.
        self.chosen: Callable[[], Sequence[Any]] = lambda: variables

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step, as Keras calls it."""
        pictures, labels = data
        with tf.GradientTape() as tape:
            scores = self(pictures, training=False)
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
) -> Tuned:
    """Train the backbone on, together with a copy of the head.

    Args:
        backbone: stays as it is.
        head: where the copy starts, for features as the backbone gives them.
        scaling: of those features, so that one learning rate fits both.
        train: pictures to train on, varied as ``settings.augment`` says.
        validation: pictures to watch.
        settings: how.
        strategy: the ``tf.distribute`` strategy to train under.
        folder: keeps the state after each epoch, and goes on from what is there.
        log_dir: where TensorBoard reads.
        progress: told of each epoch.
    """
    chosen = settings.fine_tune
    keras.utils.set_random_seed(settings.head.seed)
    steps_a_pass = -(-len(train) // chosen.fine_tune_batch_size)
    steps = steps_a_pass * chosen.fine_tune_epochs
    with strategy.scope():
        layer = load_layer(backbone.folder, trainable=True)
        model = _model(backbone, layer, head, scaling)
        model.choose([*_chosen_variables(layer, chosen.fine_tune), *model.layers[-1].weights])
        rate = learning_rate(
            chosen.fine_tune_learning_rate, "cosine", max(1, int(_WARMUP * steps)), steps
        )
        model.compile(
            keras.optimizers.Adam(rate),
            keras.losses.CategoricalCrossentropy(label_smoothing=settings.head.label_smoothing),
            ["accuracy"],
        )
    count = len(head.bias)
    callbacks: list[Any] = [EpochProgress(progress, chosen.fine_tune_epochs)]
    if folder is not None:
        # Kept when it is done: the run may be killed after it.
        callbacks.append(keras.callbacks.BackupAndRestore(str(folder), delete_checkpoint=False))
    if log_dir is not None:
        callbacks.append(keras.callbacks.TensorBoard(log_dir, write_graph=False))
    history = model.fit(
        _train_batches(train, backbone, count, settings),
        validation_data=_batches(
            lambda: iter(validation), backbone, count, chosen.fine_tune_batch_size
        ),
        steps_per_epoch=steps_a_pass,
        epochs=chosen.fine_tune_epochs,
        verbose=0,
        callbacks=callbacks,
    ).history
    rows = zip(*history.values(), strict=True)
    tuned = dataclasses.replace(backbone, layer=layer)
    return Tuned(tuned, [dict(zip(history, row, strict=True)) for row in rows])


def _model(backbone: Backbone, layer: Any, head: Head, scaling: Scaling) -> _TunedModel:
    """Backbone, scaling, softmax. Divided by sqrt(D) too: Adam moves each weight by as much."""
    size = np.float32(np.sqrt(backbone.feature_size))
    picture = keras.Input((backbone.spec.height, backbone.spec.width, 3))
    features = layer(picture / 255, training=False)
    fed = (features - scaling.mean) / (scaling.scale * size)
    dense = keras.layers.Dense(len(head.bias), "softmax")
    model = _TunedModel(picture, dense(fed))
    dense.set_weights(
        [
            head.kernel * (scaling.scale * size)[:, np.newaxis],
            head.bias + scaling.mean @ head.kernel,
        ]
    )
    return model


def _chosen_variables(layer: Any, part: str) -> list[Any]:
    """The variables to train: no BatchNorm's, and of the upper part only the last."""
    variables = [
        variable
        for variable in layer.trainable_variables
        if not any(name in variable.name.lower() for name in _NORM_NAMES)
    ]
    first = int(len(variables) * (1 - _TOP)) if part == "top" else 0
    return variables[first:]


def _train_batches(
    pictures: Sequence[LabelledImage], backbone: Backbone, count: int, settings: TrainSettings
) -> Any:
    """Batches without end, in another order and varied anew at each pass."""
    generator = random.Random(settings.head.seed)

    def order() -> Iterator[LabelledImage]:
        while True:
            yield from generator.sample(list(pictures), len(pictures))

    def any_view(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        number = generator.randrange(backbone.views)
        return np.asarray(view(picture[np.newaxis], number)[0], np.uint8)

    batches = _batches(order, backbone, count, settings.fine_tune.fine_tune_batch_size, any_view)
    if settings.augment.active:
        vary = augmentation(settings.augment, settings.head.seed)
        batches = batches.map(lambda images, truth: (vary(images), truth))
    return batches.prefetch(2)


def _batches(
    order: Callable[[], Iterator[LabelledImage]],
    backbone: Backbone,
    count: int,
    size: int,
    turned: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = lambda picture: picture,
) -> Any:
    """Batches of float32 (N, H, W, 3) RGB over [0, 255] and one-hot labels, decoded as needed."""

    def examples() -> Iterator[tuple[NDArray[np.uint8], int]]:
        for_paths, for_labels = itertools.tee(order())
        decoded = read_images((picture.path for picture in for_paths), backbone.spec)
        for picture, (_, image) in zip(for_labels, decoded, strict=True):
            if isinstance(image, np.ndarray):
                yield turned(preprocess(image, backbone.spec)), picture.label

    shape = (backbone.spec.height, backbone.spec.width, 3)
    signature = (tf.TensorSpec(shape, tf.uint8), tf.TensorSpec((), tf.int32))
    pictures = tf.data.Dataset.from_generator(examples, output_signature=signature)
    return pictures.batch(size).map(
        lambda images, labels: (tf.cast(images, tf.float32), tf.one_hot(labels, count))
    )
