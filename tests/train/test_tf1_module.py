"""A TensorFlow 1 module can be trained on and delivered, but not fine-tuned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.train.conftest import write_parts
from tests.train.hub_modules import FEATURES, SIDE, save_tf1
from tests.train.module_server import archive, send, serve

from partsight import Classifier
from partsight.cli.main import main
from partsight_train.backbones.backbone import open_backbone
from partsight_train.data.extract import open_extractor
from partsight_train.tensorflow_stack import tf


@pytest.fixture(scope="module")
def tf1_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tf1(tmp_path_factory.mktemp("tf1") / "module")


def test_a_tf1_module_is_trained_on_and_delivered(tf1_module: Path, tmp_path: Path) -> None:
    parts, run = write_parts(tmp_path / "parts"), tmp_path / "run"
    with serve(send(archive(tf1_module))) as server:
        arguments = ["train", str(parts), "-o", str(run), "--backbone", server.address]
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    classifier = Classifier.load(str(run / "model-int8.tflite"))
    dark, bright = (np.full((48, 64, 3), level, np.uint8) for level in (60, 180))
    labels = [prediction.label for prediction in classifier.classify([dark, bright])]
    assert labels == ["defected", "healthy"]
    saved = tf.saved_model.load(str(run / "saved_model"))
    assert saved(tf.zeros((1, SIDE, SIDE, 3))).shape == (1, 2)


def test_features_of_a_tf1_module_are_the_same_in_tflite(tf1_module: Path) -> None:
    backbone = open_backbone(str(tf1_module))
    pictures = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3)).astype(np.uint8)
    expected = backbone.layer(tf.constant(pictures / 255, tf.float32)).numpy()
    assert expected.shape == (3, FEATURES)
    # A sum of some hundred float32 products, in another order.
    np.testing.assert_allclose(open_extractor(backbone)(pictures), expected, atol=1e-6)


def test_fine_tuning_a_tf1_module_is_refused_early(
    tf1_module: Path, tmp_path: Path, parts: Path
) -> None:
    run = tmp_path / "run"
    arguments = ["train", str(parts), "-o", str(run), "--backbone", str(tf1_module)]
    result = CliRunner().invoke(main, [*arguments, "--fine-tune", "top"])
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert f"cannot fine-tune {tf1_module}: it has no trainable variables" in result.output
    assert not list(run.iterdir())
