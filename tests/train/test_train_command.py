"""``partsight train`` from end to end, with the tiny backbone."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.train.conftest import charts_are_drawn, write_parts

from partsight import Classifier
from partsight.cli.main import main
from partsight.image.decode import decode
from partsight.image.preprocess import preprocess
from partsight.image.statistics import image_statistics
from partsight_train.data.dataset import Split, part_hash_of
from partsight_train.run.run_dir import RunDir
from partsight_train.settings import PRESETS
from partsight_train.tensorflow_stack import keras, tf


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def run(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Result]:
    folder = tmp_path_factory.mktemp("train")
    parts = write_parts(folder / "parts", per_label=60)
    with charts_are_drawn():
        result = invoke("train", parts, "-o", folder / "run", "--backbone", tiny_backbone, *QUICK)
    return parts, folder / "run", result


QUICK = ("--l2", "0.001")


def metrics_of(run_dir: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run_dir / "metrics.json").read_text())
    return document


def test_the_run_folder_has_all_documented_files(run: tuple[Path, Path, Result]) -> None:
    _, run_dir, result = run
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in run_dir.iterdir()) == [
        "config.json",
        "labels.txt",
        "logs",
        "manifest.json",
        "metrics.json",
        "model-int8.tflite",
        "pictures.csv",
        "report.html",
        "saved_model",
    ]
    assert (run_dir / "labels.txt").read_text() == "defected\nhealthy\n"
    assert "confusion" not in result.output
    assert "true \\ predicted" in result.output
    assert "precision" in result.output


def test_metrics_have_the_documented_keys(run: tuple[Path, Path, Result]) -> None:
    metrics = metrics_of(run[1])
    for part in (metrics, metrics["int8"]):
        assert part["labels"] == ["defected", "healthy"]
        assert part["test_accuracy"] == 1.0
        assert part["auc"] == 1.0
        assert np.sum(part["confusion"]) == part["test_images"] > 0
        for label in part["labels"]:
            assert part["per_label"][label].keys() == {"precision", "recall", "f1", "support"}
        assert part["operating_point"]["accept_labels"] == ["healthy"]
        assert part["operating_point"]["recall"] >= 0.99
        assert part["recall_of_bad"] == 1.0
        low, high = part["intervals"]["recall_of_bad"]
        assert 0 < low < high == 1
        assert part["bootstrap_intervals"]["auc_of_bad"] == [1.0, 1.0]
    assert metrics["int8"]["parity"]["agreement"] == 1.0


def test_the_file_carries_the_operating_point_of_its_own_scores(
    run: tuple[Path, Path, Result],
) -> None:
    parts, run_dir, _ = run
    classifier = Classifier.load(run_dir / "model-int8.tflite")
    point = classifier.contract.operating_point
    assert point.accept_above == metrics_of(run_dir)["int8"]["operating_point"]["accept_above"]
    for label, verdict in (("healthy", "accept"), ("defected", "reject")):
        (prediction,) = classifier.classify([decode(parts / label / "part000.png")])
        assert prediction.label == label
        assert classifier.decide(prediction) == verdict


def test_the_file_has_a_drift_reference_of_good_parts(
    run: tuple[Path, Path, Result], tiny_backbone: Path, tmp_path: Path
) -> None:
    """Those that it did not learn from."""
    parts, few, _ = run
    assert Classifier.load(few / "model-int8.tflite").contract.reference is None
    said = metrics_of(few)["int8"]["drift_reference"]
    assert (said["reference"], said["expected"]) == (False, 10)
    assert f"received {said['good_pictures']}. Train on about 50 good" in said["problem"]
    assert "Drift on the line: the file has no drift reference" in (few / "report.html").read_text()
    assert "Drift reference: none" in run[2].output
    assert "drift reference none" in invoke("model", "inspect", few / "model-int8.tflite").output
    shares = ("--validation-share", "0.2", "--test-share", "0.2")
    arguments = ("-o", tmp_path / "run", "--backbone", tiny_backbone, *QUICK, *shares)
    trained = invoke("train", parts, *arguments)
    assert trained.exit_code == 0
    said = metrics_of(tmp_path / "run")["int8"]["drift_reference"]
    assert (said["reference"], said["problem"]) == (True, None)
    assert f"Drift reference: {said['good_pictures']} good images" in trained.output
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Drift on the line" not in page
    assert "<dt>drift reference</dt>" in page
    classifier = Classifier.load(tmp_path / "run" / "model-int8.tflite")
    contract, reference = classifier.contract, classifier.contract.reference
    assert reference is not None
    scores, lumas = [], []
    for path, label, part, _ in RunDir(tmp_path / "run").read_images():
        if part is not Split.TRAIN and label == "healthy":
            image = decode(path, contract.preprocess)
            (prediction,) = classifier.classify([image])
            assert classifier.decide(prediction) == "accept"
            scores.append(prediction.scores["healthy"])
            lumas.append(image_statistics(preprocess(image, contract.preprocess)).luma)
    assert (reference.pictures, reference.reject_rate) == (len(scores), 0)
    assert reference.accept_score.mean == pytest.approx(np.mean(scores))
    assert reference.luma.mean == pytest.approx(np.mean(lumas))
    assert reference.luma.std == pytest.approx(np.std(lumas, ddof=1))
    facts = invoke("model", "inspect", tmp_path / "run" / "model-int8.tflite").output
    assert "drift reference score" in facts


def test_the_saved_model_is_the_model_that_was_measured(run: tuple[Path, Path, Result]) -> None:
    parts, run_dir, _ = run
    model = keras.models.load_model(run_dir / "saved_model", compile=False)
    classifier = Classifier.load(run_dir / "model-int8.tflite")
    for label in ("healthy", "defected"):
        image = decode(parts / label / "part001.png")
        picture = preprocess(image, classifier.contract.preprocess)
        exact = model(picture[np.newaxis].astype(np.float32) / 255).numpy()[0]
        assert classifier.contract.labels[exact.argmax()] == label


def test_the_report_is_one_self_contained_file(run: tuple[Path, Path, Result]) -> None:
    page = (run[1] / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert "<h1>Training report</h1>" in page
    assert "<path" in page, "the charts are drawn"
    digest = hashlib.sha256((run[1] / "model-int8.tflite").read_bytes()).hexdigest()
    assert digest in page


def test_an_earlier_run_is_not_overwritten(run: tuple[Path, Path, Result]) -> None:
    parts, run_dir, _ = run
    before = (run_dir / "model-int8.tflite").read_bytes()
    result = invoke("train", parts, "-o", run_dir)
    assert result.exit_code == 1
    assert "must be new or empty" in result.output
    assert (run_dir / "model-int8.tflite").read_bytes() == before


def test_damaged_images_are_named_and_the_others_are_trained_on(
    run: tuple[Path, Path, Result], tiny_backbone: Path, tmp_path: Path
) -> None:
    parts = shutil.copytree(run[0], tmp_path / "parts")
    (parts / "healthy" / "broken.png").write_bytes(b"\x89PNG broken")
    (parts / "defected" / "empty.jpg").touch()
    result = invoke("train", parts, "-o", tmp_path / "run", "--backbone", tiny_backbone, *QUICK)
    assert result.exit_code == 3, result.output
    assert "2 of 122 inputs failed" in result.output
    assert (tmp_path / "run" / "model-int8.tflite").exists()


def test_without_a_known_good_label_every_verdict_is_review(
    run: tuple[Path, Path, Result], tiny_backbone: Path, tmp_path: Path
) -> None:
    parts = shutil.copytree(run[0], tmp_path / "parts")
    (parts / "healthy").rename(parts / "type-b")
    result = invoke("train", parts, "-o", tmp_path / "run", "--backbone", tiny_backbone, *QUICK)
    assert result.exit_code == 0, result.output
    classifier = Classifier.load(tmp_path / "run" / "model-int8.tflite")
    (prediction,) = classifier.classify([decode(parts / "type-b" / "part000.png")])
    assert prediction.label == "type-b"
    assert classifier.decide(prediction) == "review"
    assert classifier.contract.reference is None


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--accept-label", "shiny"], 1, "--accept-label shiny: no such label"),
        (["--backbone", "no-such"], 1, "cannot use no-such as a backbone"),
        (["--test-share", "0.6", "--validation-share", "0.5"], 2, "leave nothing to train on"),
        (["--l1", "0.1"], 2, "Choose --optimizer adam or sgd"),
        (["--cost-escape", "10"], 2, "expected both or neither"),
        (["--epochs", "0"], 2, "--epochs"),
    ],
)
def test_wrong_settings_are_refused(
    parts: Path, tmp_path: Path, arguments: list[str], exit_code: int, message: str
) -> None:
    result = invoke("train", parts, "-o", tmp_path / "run", *arguments)
    assert result.exit_code == exit_code
    assert message in result.output
    assert not list(tmp_path.rglob("*.tflite"))


VARIED = ("--flip-left-right", "--shift", "0.1", "--augment-copies", "1")


@pytest.mark.parametrize("part", ["top", "all"])
def test_fine_tuning_changes_the_backbone_and_delivers_it(
    run: tuple[Path, Path, Result], tiny_backbone: Path, parts: Path, tmp_path: Path, part: str
) -> None:
    tuning = ("--fine-tune", part, "--fine-tune-epochs", "2", "--fine-tune-learning-rate", "1e-3")
    arguments = ("-o", tmp_path / "run", "--backbone", tiny_backbone, *QUICK, *VARIED, *tuning)
    result = invoke("train", parts, *arguments)
    assert result.exit_code == 0, result.output
    assert metrics_of(tmp_path / "run")["int8"]["test_accuracy"] == 1.0
    tuned, frozen = (
        keras.models.load_model(folder / "saved_model", compile=False)
        for folder in (tmp_path / "run", run[1])
    )
    changed = [
        not np.array_equal(a.numpy(), b.numpy())
        for a, b in zip(tuned.variables[:4], frozen.variables[:4], strict=True)
    ]
    assert changed == ([True] * 4 if part == "all" else [False, False, True, True])


def test_cross_validation_measures_every_image(
    run: tuple[Path, Path, Result], tiny_backbone: Path, tmp_path: Path
) -> None:
    arguments = ("-o", tmp_path / "run", "--backbone", tiny_backbone, *QUICK)
    result = invoke("train", run[0], *arguments, "--cross-validate", "3")
    assert result.exit_code == 0, result.output
    folds = metrics_of(tmp_path / "run")["cross_validation"]
    assert folds["images"] == 120
    assert folds["accuracy"] == 1.0
    assert len(folds["accuracy_by_fold"]) == len(folds["auc_by_fold"]) == 3
    assert "Cross-validation, float model: accuracy 1.0000 on 120 pictures" in result.output


def test_a_file_below_the_required_accuracy_is_not_delivered(
    run: tuple[Path, Path, Result], tiny_backbone: Path, tmp_path: Path
) -> None:
    """With labels dealt at random there is nothing to learn."""
    parts = shutil.copytree(run[0], tmp_path / "parts")
    for index, path in enumerate(sorted(parts.rglob("*.png"))):
        label = ("defected", "healthy")[index % 2]
        path.rename(parts / label / f"shuffled{index}.png")
    result = invoke(
        "train",
        parts,
        "-o",
        tmp_path / "run",
        "--backbone",
        tiny_backbone,
        "--assert-accuracy-at-least",
        "0.95",
    )
    assert result.exit_code == 1
    assert "expected at least 95.00%. Nothing was delivered" in result.output
    assert not list((tmp_path / "run").glob("*.tflite"))


def test_misclassified_images_are_named(
    run: tuple[Path, Path, Result], tiny_backbone: Path, tmp_path: Path
) -> None:
    parts = shutil.copytree(run[0], tmp_path / "parts")
    wrong = next(
        path
        for path in sorted((parts / "healthy").iterdir())
        if part_hash_of("defected", path.name) < 0.1
    )
    misplaced = parts / "defected" / wrong.name
    wrong.replace(misplaced)
    arguments = ("-o", tmp_path / "run", "--backbone", tiny_backbone, "--print-misclassified")
    result = invoke("train", parts, *arguments)
    assert "Misclassified test images: 1" in result.output
    assert f"{str(misplaced)!r}: defected, classified as healthy" in result.output


def test_the_retrain_preset_is_the_classic_recipe_and_options_override_it(
    parts: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    arguments = ("-o", tmp_path / "run", "--preset", "retrain", "--backbone", tiny_backbone)
    others = ("--steps", "40", "--output-name", "final_result", "--checkpoint-interval", "20")
    result = invoke("train", parts, *arguments, *others, "--test-batch-size", "3")
    assert result.exit_code == 0, result.output
    assert metrics_of(tmp_path / "run")["test_images"] == 3
    assert len(list((tmp_path / "run" / "checkpoints").glob("head-*.weights.h5"))) == 2
    served = tf.saved_model.load(tmp_path / "run" / "saved_model").signatures["serving_default"]
    assert list(served.structured_outputs) == ["final_result"]
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    head = config["settings"]["head"]
    assert config["settings"]["backbone"] == str(tiny_backbone)
    classic = {
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "batch_size": 100,
        "balance": "sampling",
        "steps": 40,
    }
    assert {name: head[name] for name in classic} == classic
    assert PRESETS["retrain"]["steps"] == 4000
    assert PRESETS["retrain"]["backbone"] == "inception-v3"


def test_the_options_of_a_run_file_are_in_the_model_and_in_config_json(
    parts: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    run_file = tmp_path / "run.toml"
    run_file.write_text('resize_mode = "letterbox"\nroi = "0.25,0,0.5,1"\nl2 = 0.5\nseed = 3\n')
    arguments = ("-o", tmp_path / "run", "--backbone", tiny_backbone, *QUICK)
    result = invoke("train", parts, *arguments, "--config", run_file)
    assert result.exit_code == 0, result.output
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert (settings["fit"], settings["roi"]) == ("letterbox", [0.25, 0, 0.5, 1])
    assert (settings["head"]["seed"], settings["head"]["l2"]) == (3, float(QUICK[1]))
    spec = Classifier.load(tmp_path / "run" / "model-int8.tflite").contract.preprocess
    assert (spec.fit, spec.roi) == ("letterbox", (0.25, 0.0, 0.5, 1.0))


@pytest.mark.parametrize("region", ["0.5,0,0.6,1", "1,2,3", "all", "0,0,nan,1"])
def test_an_impossible_region_is_wrong_usage(parts: Path, tmp_path: Path, region: str) -> None:
    result = invoke("train", parts, "-o", tmp_path / "run", "--roi", region)
    assert result.exit_code == 2
    assert "expected four shares" in result.output


def test_an_impossible_output_name_is_wrong_usage(parts: Path, tmp_path: Path) -> None:
    result = invoke("train", parts, "-o", tmp_path / "run", "--output-name", "two words")
    assert result.exit_code == 2
    assert "Received: 'two words'" in result.output
