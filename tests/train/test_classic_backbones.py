"""The classic TF Hub backbones in their real size, from a server to an int8 file.

Their weights are not available offline, so they are random. Names, protocol and sizes are those of
the published modules.
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.train.conftest import write_parts
from tests.train.hub_modules import save_reusable
from tests.train.module_server import archive, send, serve

from partsight import Classifier
from partsight.cli.main import main
from partsight.image.decode import decode
from partsight_train.backbones.catalogue import HUB
from partsight_train.settings import PRESETS
from partsight_train.tensorflow_stack import keras, tf

LABELS = 2


def module_of(architecture: Any, side: int, folder: Path) -> Path:
    """An architecture as a TF Hub module: from any batch of float images to features."""
    keras.utils.set_random_seed(0)
    shape = (side, side, 3)
    model = architecture(include_top=False, weights=None, input_shape=shape, pooling="avg")
    # Random layers reduce their values to almost zero, unless BatchNorm has their statistics.
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    levels = tf.reshape(tf.linspace(-1.0, 1.0, 6), (-1, 1, 1, 1))
    model(levels + tf.random.uniform((6, *shape), -0.3, 0.3), training=True)
    return save_reusable(
        folder,
        lambda images: model(images * 2 - 1, training=False),
        tf.TensorSpec((None, *shape), tf.float32),
        model.variables,
    )


@pytest.mark.parametrize(
    ("name", "architecture", "side", "features"),
    [
        pytest.param("inception-v3", "InceptionV3", 299, 2048, marks=pytest.mark.slow),
        pytest.param("nasnet-mobile", "NASNetMobile", 224, 1056, marks=pytest.mark.slow),
        pytest.param("nasnet-large", "NASNetLarge", 331, 4032, marks=pytest.mark.slow),
    ],
)
def test_the_retrain_preset_delivers_an_int8_file_that_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    architecture: str,
    side: int,
    features: int,
) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    module = module_of(getattr(keras.applications, architecture), side, tmp_path / "module")
    parts = write_parts(tmp_path / "parts", per_label=12)
    preset = () if PRESETS["retrain"]["backbone"] == name else ("--backbone", name)
    with serve(send(archive(module))) as server:
        row = dataclasses.replace(HUB[name], handle=server.address)
        monkeypatch.setitem(HUB, name, row)
        arguments = ["--preset", "retrain", *preset, "--calibration-images", "4"]
        result = CliRunner().invoke(main, ["train", str(parts), "-o", "run", *arguments])
    assert result.exit_code == 0, result.output
    assert len(server.asked) == 1

    document = json.loads(Path("run/config.json").read_text())
    assert document["settings"]["backbone"] == name
    weights = tf.train.list_variables("run/saved_model/variables/variables")
    shapes = [shape for _, shape in weights if shape and shape[-1] == LABELS]
    assert sorted(shapes) == [[LABELS], [features, LABELS]]
    assert sum(map(math.prod, shapes)) == 2 + features * 2

    classifier = Classifier.load("run/model-int8.tflite")
    spec = classifier.contract.preprocess
    assert (spec.height, spec.width) == (side, side)
    for label in classifier.contract.labels:
        images = [decode(path, spec) for path in sorted((parts / label).iterdir())]
        assert {prediction.label for prediction in classifier.classify(images)} == {label}
