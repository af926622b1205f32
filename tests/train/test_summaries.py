"""TensorBoard files of a run, read with the readers of TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from google.protobuf import text_format
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import ProjectorConfig
from tests.train.conftest import TINY_FEATURES, write_parts

from partsight.cli.main import main
from partsight_train.heads.curves import write_curves
from partsight_train.tensorboard.summaries import flat
from partsight_train.tensorflow_stack import tf

PER_LABEL = 60


def events(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), {"tensors": 0}).Reload()


def scalars(folder: Path, tag: str) -> list[float]:
    return [float(tf.make_ndarray(each.tensor_proto)) for each in events(folder).Tensors(tag)]


def train(parts: Path, run_dir: Path, backbone: Path, *arguments: str) -> None:
    command = ["train", parts, "-o", run_dir, "--backbone", backbone, *arguments]
    result = CliRunner().invoke(main, [str(each) for each in command])
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def run(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with mistakes in its test split: every fourth bright image is labelled defected."""
    folder = tmp_path_factory.mktemp("summaries")
    parts = write_parts(folder / "parts", per_label=PER_LABEL)
    for index in range(0, PER_LABEL, 4):
        name = f"part{index:03d}.png"
        (parts / "healthy" / name).rename(parts / "defected" / f"$_{index}é.png")
    # A label that looks like TeX is plain text.
    (parts / "defected").rename(parts / "defected $x_$")
    train(parts, folder / "run", tiny_backbone, "--accept-label", "healthy")
    return folder / "run"


def metrics_of(run_dir: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run_dir / "metrics.json").read_text())
    return document


def test_learning_curves_have_the_names_of_keras(tmp_path: Path) -> None:
    rows = [{"loss": 0.5, "accuracy": 0.75, "val_loss": 0.25}, {"loss": 0.125, "val_loss": 2.0}]
    write_curves(tmp_path, rows)
    assert scalars(tmp_path / "train", "epoch_loss") == [0.5, 0.125]
    assert scalars(tmp_path / "train", "epoch_accuracy") == [0.75]
    assert scalars(tmp_path / "validation", "epoch_loss") == [0.25, 2.0]
    assert events(tmp_path / "validation").Tags()["tensors"] == ["epoch_loss"]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_lbfgs_writes_one_loss_per_iteration(run: Path, split: str) -> None:
    losses = scalars(run / "logs" / "head" / split, "epoch_loss")
    assert len(losses) > 3
    assert losses[-1] < losses[0]
    assert len(scalars(run / "logs" / "head" / split, "epoch_accuracy")) == len(losses)


def test_scalars_are_the_metrics_of_the_run(run: Path) -> None:
    metrics = metrics_of(run)
    for tag, value in (
        ("test_accuracy", metrics["test_accuracy"]),
        ("auc", metrics["auc"]),
        ("int8_test_accuracy", metrics["int8"]["test_accuracy"]),
        ("int8_auc", metrics["int8"]["auc"]),
    ):
        assert scalars(run / "logs" / "results", tag) == [pytest.approx(value, rel=1e-6)]


def test_every_mistake_has_a_picture(run: Path) -> None:
    metrics = metrics_of(run)["int8"]
    wrong = np.sum(metrics["confusion"]) - np.trace(metrics["confusion"])
    assert wrong > 0
    read = events(run / "logs" / "results")
    images = [tag for tag in read.Tags()["tensors"] if tag.startswith("misclassified/")]
    assert len(images) == wrong
    for tag in ("confusion", images[0]):
        _, _, png = tf.make_ndarray(read.Tensors(tag)[0].tensor_proto)
        pixels = tf.io.decode_png(png).numpy()
        assert pixels.std() > 10, "not an empty image"
    caption = read.SummaryMetadata(images[0]).summary_description
    assert ", predicted " in caption
    assert "defected $x_$" in caption


def test_hparams_contain_the_settings(run: Path) -> None:
    metadata = events(run / "logs" / "results").SummaryMetadata("_hparams_/session_start_info")
    content = plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content)
    chosen = content.session_start_info.hparams
    assert chosen["head.l2"].number_value == 0.003
    assert chosen["head.optimizer"].string_value == "lbfgs"
    assert chosen["accept_labels"].string_value == "healthy"
    assert chosen["image_size"].string_value == "none"
    assert chosen["augment.flip_left_right"].bool_value is False


def test_nested_settings_become_dotted_names() -> None:
    nested = {"a": {"b": 1, "c": {"d": None}}, "e": (), "f": ["x", "y"], "g": True}
    assert flat(nested) == {"a.b": 1, "a.c.d": "none", "e": "", "f": "x, y", "g": True}


def test_projector_vectors_rows_and_thumbnails_match(run: Path) -> None:
    folder = run / "logs" / "results"
    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (embedding,) = config.embeddings
    newest = tf.train.latest_checkpoint(str(folder))
    vectors = tf.train.load_checkpoint(newest).get_tensor(embedding.tensor_name)
    assert vectors.shape == (2 * PER_LABEL, TINY_FEATURES)
    head, *rows = (folder / embedding.metadata_path).read_text("utf-8").splitlines()
    assert head == "label\tsplit\tfile"
    assert len(rows) == len(vectors)
    assert sum(row.startswith("healthy\t") for row in rows) == PER_LABEL * 3 // 4
    sheet = np.asarray(Image.open(folder / embedding.sprite.image_path))
    assert sheet.shape == (11 * 48, 11 * 48, 3)
    # Thumbnails are in the order of the rows: those of part... in defected are dark.
    for index, row in enumerate(rows):
        thumbnail = sheet[index // 11 * 48 :, index % 11 * 48 :][:48, :48]
        dark = row.startswith("defected") and "\tpart" in row
        assert (thumbnail.mean() < 120) == dark


def test_logs_of_an_earlier_run_stay(
    run: Path, parts: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    arguments = (parts, tmp_path / "one", tiny_backbone, "--summaries-dir", str(logs))
    train(*arguments)
    earlier = {path: path.read_bytes() for path in logs.rglob("events.out.*")}
    assert earlier
    train(parts, tmp_path / "two", tiny_backbone, "--summaries-dir", str(logs))
    assert all(path.read_bytes() == content for path, content in earlier.items())
    assert len(list(logs.rglob("events.out.*"))) == 2 * len(earlier)
