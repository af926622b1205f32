"""Modules are described without loading them, and unsuitable ones are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train.hub_modules import (
    CLASSES,
    FEATURES,
    SIDE,
    save_fine_tunable,
    save_reusable,
    save_tf1,
)

from partsight.errors import ModelError
from partsight_train.backbones.backbone import open_backbone
from partsight_train.backbones.saved_model import Module, read_module
from partsight_train.data.extract import open_extractor
from partsight_train.tensorflow_stack import keras, tf

PICTURES = tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32)
TAKES = f"float32 (-1, {SIDE}, {SIDE}, 3)"
ANY_SIZE = "float32 (-1, -1, -1, 3)"


def mean(images: Any) -> Any:
    return tf.reduce_mean(images, [1, 2])


@pytest.mark.parametrize(
    ("save", "expected"),
    [
        (
            lambda folder: save_reusable(folder, mean, PICTURES),
            Module(("serve",), None, None, SIDE, TAKES),
        ),
        (
            lambda folder: save_reusable(folder, mean, PICTURES, callable_=False),
            Module(("serve",), "serving_default", "output_0", SIDE, TAKES),
        ),
        (save_tf1, Module((), "image_feature_vector", "default", SIDE, TAKES)),
        (
            lambda folder: save_tf1(folder, names={"default": "features"}),
            Module((), "default", "default", SIDE, TAKES),
        ),
        (
            lambda folder: save_tf1(folder, side=None),
            Module((), "image_feature_vector", "default", None, ANY_SIZE),
        ),
        (
            lambda folder: save_tf1(folder, side=None, attached_size=299),
            Module((), "image_feature_vector", "default", 299, ANY_SIZE),
        ),
        (
            lambda folder: save_tf1(folder, tags=[["train"], ["serve"]], hub_format=False),
            Module(("serve",), "image_feature_vector", "default", SIDE, TAKES),
        ),
        (
            lambda folder: save_tf1(folder, tags=[["train"]]),
            Module(("train",), "image_feature_vector", "default", SIDE, TAKES),
        ),
    ],
    ids=[
        "TF2",
        "TF2, signature only",
        "TF1",
        "TF1, default",
        "TF1, any size",
        "TF1, size attached",
        "TF1, no Hub format",
        "TF1, one graph",
    ],
)
def test_each_kind_of_module_is_recognized_and_computes_features(
    tmp_path: Path, save: Callable[[Path], Path], expected: Module
) -> None:
    folder = save(tmp_path / "module")
    assert read_module(folder) == expected
    backbone = open_backbone(str(folder), None if expected.image_size else SIDE)
    assert backbone.spec.width == (expected.image_size or SIDE)
    assert not backbone.trainable
    size = (backbone.spec.height, backbone.spec.width, 3)
    black, white = backbone.layer(tf.stack([tf.zeros(size), tf.ones(size)])).numpy()
    assert black.shape == (backbone.feature_size,)
    assert not np.allclose(black, white)


def test_a_classifier_with_a_feature_output_is_usable(tmp_path: Path) -> None:
    both = save_tf1(
        tmp_path / "both", names={"default": "logits", "image_feature_vector": "features"}
    )
    logits = save_tf1(tmp_path / "logits", names={"default": "logits"})
    assert open_backbone(str(both)).feature_size == FEATURES
    assert open_backbone(str(logits)).feature_size == CLASSES


def test_a_module_with_two_modes_is_used_in_inference_mode(tmp_path: Path) -> None:
    backbone = open_backbone(str(save_fine_tunable(tmp_path / "module")), SIDE)
    assert backbone.trainable
    assert backbone.layer(tf.ones((1, SIDE, SIDE, 3))).numpy().tolist() == [[1, 1, 1]]
    white = np.full((1, SIDE, SIDE, 3), 255, np.uint8)
    assert open_extractor(backbone)(white).tolist() == [[1, 1, 1]]
    with pytest.raises(ModelError, match="give --image-size"):
        open_backbone(str(tmp_path / "module"))


def detect(images: Any) -> dict[str, Any]:
    boxes = tf.zeros((1, 100, 4)) + tf.cast(tf.reduce_sum(images), tf.float32)
    return {"detection_boxes": boxes, "detection_scores": boxes[:, :, 0]}


def embed(texts: Any) -> Any:
    return tf.one_hot(tf.strings.to_hash_bucket(texts, 16), 16)


def tokens(words: Any) -> dict[str, Any]:
    return {"pooled_output": tf.cast(words, tf.float32), "sequence_output": words}


BYTES = tf.TensorSpec((1, None, None, 3), tf.uint8)
TEXT = tf.TensorSpec((None,), tf.string)


@pytest.mark.parametrize(
    ("save", "reason"),
    [
        (lambda folder: save_reusable(folder, embed, TEXT), "its signature takes string"),
        (
            lambda folder: save_reusable(folder, embed, TEXT, callable_=False),
            r"takes no images.*received string \(-1,\)",
        ),
        (lambda folder: save_reusable(folder, detect, BYTES), "its signature takes uint8"),
        (
            lambda folder: save_reusable(folder, detect, BYTES, callable_=False),
            r"takes no images.*received uint8 \(1, -1, -1, 3\)",
        ),
        (
            lambda folder: save_reusable(folder, detect, PICTURES),
            "gives .*dict.* for an image, not one feature vector",
        ),
        (
            lambda folder: save_reusable(folder, detect, PICTURES, callable_=False),
            "several outputs.*detection_boxes, detection_scores",
        ),
        (
            lambda folder: save_tf1(folder, names={"image_feature_vector": "maps"}),
            r"gives \(1, 16, 16, 16\) for an image, not one feature vector",
        ),
        (
            lambda folder: save_tf1(folder, names={"image_augmentation": "maps"}),
            "received image_augmentation",
        ),
    ],
    ids=[
        "text",
        "text by signature",
        "detector of bytes",
        "detector of bytes by signature",
        "detector",
        "detector by signature",
        "TF1 feature map",
        "TF1 augmentation",
    ],
)
def test_the_wrong_kind_of_module_is_refused(
    tmp_path: Path, save: Callable[[Path], Path], reason: str
) -> None:
    folder = save(tmp_path / "module")
    with pytest.raises(ModelError, match=f"cannot use {folder} as a backbone: .*{reason}") as error:
        open_backbone(str(folder), SIDE)
    assert len(str(error.value)) < 1000, "not pages of TensorFlow messages"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "saved_model.pb cannot be read"),
        (b"<html>no graph</html>", "damaged"),
        (b"", "contains no graph"),
    ],
)
def test_a_folder_without_a_valid_saved_model_is_refused(
    tmp_path: Path, data: bytes | None, reason: str
) -> None:
    if data is not None:
        (tmp_path / "saved_model.pb").write_bytes(data)
    with pytest.raises(ModelError, match=reason):
        open_backbone(str(tmp_path))


def test_a_module_with_truncated_weights_is_refused(tmp_path: Path) -> None:
    kernel = tf.Variable(tf.ones((3, FEATURES)))
    folder = save_reusable(
        tmp_path / "module", lambda images: mean(images) @ kernel, PICTURES, [kernel]
    )
    assert open_backbone(str(folder)).trainable
    weights = next((folder / "variables").glob("*.data*"))
    weights.write_bytes(weights.read_bytes()[:40])
    with pytest.raises(ModelError, match="TensorFlow cannot load it"):
        open_backbone(str(folder))


def test_a_model_saved_by_current_keras_is_usable(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.GlobalAveragePooling2D()])
    model.export(str(tmp_path / "exported"))
    assert open_backbone(str(tmp_path / "exported")).feature_size == 3
