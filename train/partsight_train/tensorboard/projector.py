"""The features of a run for TensorBoard's embedding projector.

Writes the vectors as a checkpoint, one line of ``metadata.tsv`` per vector, and a sheet of
thumbnails. Called by ``summaries``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tensorboard.plugins import projector

from partsight.errors import ImageError
from partsight.image.preprocess import preprocess
from partsight.image.spec import PreprocessSpec
from partsight.image_files.read import read_images
from partsight.utils.files import write_atomic
from partsight.utils.opencv import cv2
from partsight.utils.printable import printable
from partsight_train.data.dataset import LabelledImage
from partsight_train.fit.learn import TrainedModel
from partsight_train.network.tiles import mean_tiles
from partsight_train.tensorflow_stack import tf

__all__ = ["write_projector"]

# The projector runs in a browser and allows a sheet of at most 8192 pixels per side.
_MOST_ROWS = 3000
_THUMBNAIL = 48
_TENSOR = "features/.ATTRIBUTES/VARIABLE_VALUE"
_METADATA, _SPRITE = "metadata.tsv", "thumbnails.png"


def write_projector(folder: Path, trained_model: TrainedModel) -> None:
    """Write the features of at most 3,000 images, spread over all labels.

    Args:
        folder: folder for the files; those of an earlier run are replaced.
        trained_model: the features and the images.
    """
    total = len(trained_model.dataset.images)
    rows = np.unique(np.linspace(0, total - 1, min(total, _MOST_ROWS)).astype(np.intp))
    images = [trained_model.dataset.images[row] for row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    features = tf.Variable(
        mean_tiles(trained_model.examples, trained_model.backbone.tiles).features[rows]
    )
    tf.train.Checkpoint(features=features).save(str(folder / "features.ckpt"))
    write_atomic(folder / _METADATA, _metadata(images, trained_model.dataset.labels).encode())
    encoded = cv2.imencode(".png", _sheet(images, trained_model.backbone.spec)[..., ::-1])[1]
    write_atomic(folder / _SPRITE, encoded.tobytes())
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name, embedding.metadata_path = _TENSOR, _METADATA
    embedding.sprite.image_path = _SPRITE
    embedding.sprite.single_image_dim.extend([_THUMBNAIL, _THUMBNAIL])
    projector.visualize_embeddings(str(folder), config)


def _metadata(images: Sequence[LabelledImage], labels: Sequence[str]) -> str:
    lines = ["label\tsplit\tfile"] + [
        f"{labels[each.label]}\t{each.split.value}\t" + printable(each.path.name, "\ufffd")
        for each in images
    ]
    return "\n".join(lines) + "\n"


def _sheet(images: Sequence[LabelledImage], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Thumbnails row by row in a square, uint8 RGB; black if a file can no longer be read."""
    side = math.ceil(math.sqrt(len(images)))
    sheet = np.zeros((side, _THUMBNAIL, side, _THUMBNAIL, 3), np.uint8)
    read = read_images([each.path for each in images], spec)
    for place, (_, image) in enumerate(read):
        if not isinstance(image, ImageError):
            small = cv2.resize(
                preprocess(image, spec), (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA
            )
            sheet[place // side, :, place % side] = small
    return sheet.reshape(side * _THUMBNAIL, side * _THUMBNAIL, 3)
