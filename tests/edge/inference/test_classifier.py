"""From raw outputs to predictions, with an interpreter that is a few lines of Python."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partsight import Classifier
from partsight.errors import ContractError, ImageError, ModelError
from partsight.image.preprocess import preprocess
from partsight.inference.interpreter import TensorInfo
from partsight.inference.scores import dequantize
from partsight.model.file import ModelFile
from partsight.records import Prediction, Verdict


@pytest.mark.parametrize(
    ("raw", "dtype", "scale", "zero_point", "expected"),
    [
        ([0, 128, 255], np.uint8, 1 / 256, 0, [0, 0.5, 255 / 256]),
        ([0, 100, 255], np.uint8, 0.5, 100, [-50, 0, 77.5]),
        ([-128, 0, 127], np.int8, 1 / 256, -128, [0, 0.5, 255 / 256]),
        ([127], np.int8, 1.0, -128, [255]),
        ([0.25, 1], np.float32, 0.0, 0, [0.25, 1]),
    ],
)
def test_dequantize(
    raw: list[float], dtype: type, scale: float, zero_point: int, expected: list[float]
) -> None:
    info = TensorInfo((1, len(raw)), np.dtype(dtype), scale, zero_point)

    real = dequantize(np.array(raw, dtype), info)

    assert real.dtype == np.float64
    assert real.tolist() == expected


def test_a_prediction_has_the_scores_by_label_in_the_models_order(classifier, make_frame) -> None:
    (prediction,) = classifier.classify([make_frame(192).image_bgr])

    assert list(prediction.scores.items()) == [("defected", 63 / 256), ("healthy", 192 / 256)]
    assert (prediction.label, prediction.score) == ("healthy", 0.75)


def test_of_equal_scores_the_first_label_wins() -> None:
    assert Prediction({"b": 0.4, "a": 0.4, "c": 0.2}).label == "b"


@pytest.mark.parametrize(
    ("red", "verdict"), [(193, "accept"), (192, "review"), (128, "review"), (127, "reject")]
)
def test_the_verdict_is_by_the_contract(classifier, make_frame, red: int, verdict: str) -> None:
    (prediction,) = classifier.classify([make_frame(red).image_bgr])

    assert classifier.decide(prediction) == verdict
    assert str(classifier.decide(prediction)) == verdict
    assert classifier.decide(prediction) is Verdict(verdict)


def test_the_model_input_comes_from_preprocess(
    classifier, fake_interpreter, noise_bgr: np.ndarray
) -> None:
    classifier.classify([noise_bgr])

    (fed,) = fake_interpreter.fed
    np.testing.assert_array_equal(fed, preprocess(noise_bgr, classifier.contract.preprocess)[None])


def test_order_is_kept_and_any_iterable_is_accepted(classifier, make_frame) -> None:
    predictions = classifier.classify(make_frame(red).image_bgr for red in (250, 10, 200))

    assert [p.scores["healthy"] * 256 for p in predictions] == [250, 10, 200]
    assert classifier.classify([]) == []


def test_a_bad_array_is_refused(classifier) -> None:
    with pytest.raises(ImageError, match="uint8"):
        classifier.classify([np.zeros((4, 4))])


@pytest.mark.parametrize(
    ("tensor", "change"),
    [
        ("input", {"shape": (1, 4, 2, 3)}),
        ("input", {"shape": (2, 2, 4, 3)}),
        ("input", {"dtype": np.dtype(np.int64)}),
        ("output", {"shape": (1, 3)}),
        ("output", {"dtype": np.dtype(np.int64)}),
    ],
)
def test_a_model_that_differs_from_its_contract_is_refused(
    contract, fake_interpreter, tensor: str, change: dict[str, Any]
) -> None:
    info = dataclasses.replace(getattr(fake_interpreter, tensor), **change)
    setattr(fake_interpreter, tensor, info)

    with pytest.raises(ContractError, match="does not match its contract"):
        Classifier(ModelFile(b"", "", contract), fake_interpreter)


def test_the_shipped_model_classifies(model_path: Path, noise_bgr: np.ndarray) -> None:
    classifier = Classifier.load(model_path, threads=2)

    (prediction,) = classifier.classify([noise_bgr])

    # A softmax in 8 bits: each score is rounded to 1/256, and 1 is stored as 255/256.
    assert sum(prediction.scores.values()) == pytest.approx(1, abs=2 / 256)
    assert tuple(prediction.scores) == classifier.contract.labels
    assert Classifier.load(model_path.read_bytes()).classify([noise_bgr]) == [prediction]


def test_the_worst_tile_decides(contract, fake_interpreter, make_frame) -> None:
    tiled = dataclasses.replace(contract, tiles=(2, 2))
    info = dataclasses.replace(fake_interpreter.output, shape=(1, 4, 2))
    fake_interpreter.output = info
    scores = np.array([[[10, 246], [60, 196], [200, 56], [100, 156]]], np.uint8)
    fake_interpreter.invoke = lambda tensor: scores
    classifier = Classifier(ModelFile(b"", "", tiled), fake_interpreter)

    (prediction,) = classifier.classify([make_frame(0).image_bgr])

    assert prediction == Prediction({"defected": 200 / 256, "healthy": 56 / 256}, tile=(1, 0))
    assert classifier.decide(prediction) is Verdict.REJECT


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model"):
        Classifier.load(tmp_path / "model.tflite")
