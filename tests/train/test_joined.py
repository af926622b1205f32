"""Joined backbones: concatenated features, a head for each, one file for the device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.train.hub_modules import save_reusable, save_tf1
from tests.train.test_heatmap import EXACT, approve, picture, run

from partsight.api import Classifier
from partsight.errors import ModelError
from partsight_train.backbones.backbone import load_layer, open_backbone
from partsight_train.backbones.joined import members_of
from partsight_train.export.heatmap import with_heatmap
from partsight_train.heads.fit_head import fit_head
from partsight_train.heads.head import Examples
from partsight_train.network.activation_map import contributions
from partsight_train.settings import FineTuneSettings, HeadSettings, TrainSettings
from partsight_train.tensorflow_stack import tf
from partsight_train.train import train

SMALL_SIDE, SMALL_FEATURES = 16, 6


@pytest.fixture
def small_backbone(tmp_path: Path) -> Path:
    """A backbone for smaller images: means and maxima of red, green and blue."""
    scale = tf.Variable(tf.ones(3))

    def call(images: tf.Tensor) -> tf.Tensor:
        maps = images * scale
        return tf.concat([tf.reduce_mean(maps, [1, 2]), tf.reduce_max(maps, [1, 2])], 1)

    takes = tf.TensorSpec((None, SMALL_SIDE, SMALL_SIDE, 3), tf.float32)
    return save_reusable(tmp_path / "small", call, takes, [scale])


@pytest.mark.parametrize(
    ("handle", "members"),
    [
        ("efficientnet-lite0", []),
        ("efficientnet-lite0+efficientnet-lite2", ["efficientnet-lite0", "efficientnet-lite2"]),
        ("efficientnet-lite0+HERE", ["efficientnet-lite0", "HERE"]),
        ("efficientnet-lite0+gone", []),
        ("efficientnet-lite0+", []),
        ("HERE+plus", []),
        ("https://example.com/a+b", []),
    ],
)
def test_a_plus_joins_names_and_existing_paths(
    handle: str, members: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder or an address may contain a plus."""
    monkeypatch.chdir(tmp_path)
    Path("HERE").mkdir()
    Path("HERE+plus").mkdir()
    assert members_of(handle) == members


def test_joined_features_are_those_of_the_members(
    tiny_backbone: Path, small_backbone: Path
) -> None:
    joined = open_backbone(f"{tiny_backbone}+{small_backbone}")
    assert (joined.spec.height, joined.feature_size) == (32, 16 + SMALL_FEATURES)
    assert joined.blocks == (16, SMALL_FEATURES)
    assert joined.trainable
    pictures = tf.random.stateless_uniform((3, 32, 32, 3), (1, 2))
    seen_small = tf.image.resize(pictures, (SMALL_SIDE, SMALL_SIDE))
    expected = tf.concat(
        [
            open_backbone(str(tiny_backbone)).layer(pictures),
            open_backbone(str(small_backbone)).layer(seen_small),
        ],
        1,
    )
    np.testing.assert_allclose(joined.layer(pictures), expected, rtol=1e-5, atol=1e-6)


def test_the_digest_depends_on_the_members(tiny_backbone: Path, small_backbone: Path) -> None:
    handle = f"{tiny_backbone}+{small_backbone}"
    joined = open_backbone(handle)
    assert open_backbone(handle).sha256 == joined.sha256
    assert open_backbone(handle, 48).sha256 != joined.sha256
    assert open_backbone(f"{small_backbone}+{tiny_backbone}").sha256 != joined.sha256


def test_variables_are_sorted_by_relative_depth(tiny_backbone: Path) -> None:
    """So the top, to which fine-tuning may be limited, includes layers of each member."""
    alone = [each.shape for each in load_layer(tiny_backbone, trainable=True).trainable_variables]
    folder = open_backbone(f"{tiny_backbone}+{tiny_backbone}").folder
    joined = [each.shape for each in load_layer(folder, trainable=True).trainable_variables]
    assert joined == [shape for shape in alone for _ in range(2)]


@pytest.mark.parametrize("views", [1, 8])
def test_maps_of_all_members_are_returned(
    tiny_backbone: Path, small_backbone: Path, views: int
) -> None:
    reference_model = approve(Path(f"{tiny_backbone}+{small_backbone}"), views=views)
    scores, heatmap = run(with_heatmap(reference_model))
    assert heatmap.mean() == pytest.approx(np.log(scores[1] / scores[0]), abs=EXACT)
    explain = contributions(reference_model.network)
    assert explain is not None
    # One per pool: the tiny backbone's mean, the small one's mean and maximum.
    assert sorted(part.shape for part in explain(picture(), 1)) == [(8, 8), (16, 16), (16, 16)]


def test_a_module_without_variables_is_refused(tiny_backbone: Path, tmp_path: Path) -> None:
    old = save_tf1(tmp_path / "old")
    with pytest.raises(ModelError, match="has no trainable variables"):
        open_backbone(f"{tiny_backbone}+{old}")


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_joined_head_is_the_mean_of_the_blocks_heads(optimizer: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(80) % 2
    features = (generator.normal(size=(80, 9)) + 2 * labels[:, np.newaxis]).astype(np.float32)
    settings = HeadSettings(optimizer, epochs=5)  # type: ignore[arg-type]
    whole = Examples(features, labels)
    parts = [Examples(features[:, :4], labels), Examples(features[:, 4:], labels)]
    heads = [fit_head(part, part, 2, settings).head for part in parts]
    joined = fit_head(whole, whole, 2, settings, blocks=(4, 5), log_dir=tmp_path / "logs").head
    kernel = np.concatenate([head.kernel for head in heads]) / 2
    np.testing.assert_allclose(joined.kernel, kernel, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(joined.bias, (heads[0].bias + heads[1].bias) / 2, rtol=1e-4)
    assert list((tmp_path / "logs" / "block-1").rglob("events*"))


@pytest.mark.parametrize(
    "more",
    [
        {"views": 2, "tiles": (2, 1)},
        {"fine_tune": FineTuneSettings("all", fine_tune_epochs=1)},
    ],
)
def test_joined_backbones_are_trained_and_delivered_as_one_file(
    more: dict[str, object], tiny_backbone: Path, small_backbone: Path, parts: Path, tmp_path: Path
) -> None:
    settings = TrainSettings(f"{tiny_backbone}+{small_backbone}", calibration=20, **more)  # type: ignore[arg-type]
    outcome = train(parts, tmp_path / "run", settings)
    assert outcome.metrics["int8"]["test_accuracy"] == 1.0
    classifier = Classifier.load(outcome.model)
    grey = np.full((48, 64, 3), 180, np.uint8)
    assert classifier.classify([grey])[0].label == "healthy"
