"""An image with practically no contrast is never accepted, by any interface."""

from __future__ import annotations

import csv
import dataclasses
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from partsight.api import Classifier
from partsight.cli.main import main
from partsight.config.decision import DecisionConfig
from partsight.decision.decide import decide, reason, verdicts
from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.evaluate import evaluate, score_images
from partsight.image.preprocess import preprocess
from partsight.image.spec import DEFAULT_MIN_CONTRAST, PreprocessSpec
from partsight.image.statistics import grey_range
from partsight.line.inspector import Inspector
from partsight.model.contract import Contract, contract_from_document, contract_to_document
from partsight.model.file import ModelFile
from partsight.records import Frame, Prediction, TriggerEvent, Verdict
from partsight.utils.wall_clock import utc_now

SPEC = PreprocessSpec(224, 224)
HW = (480, 640)
WORDS = "practically no contrast"


def plain(*bgr: int) -> np.ndarray:
    return np.full((*HW, 3), bgr, np.uint8)


def noise(level: int, sigma: float) -> np.ndarray:
    grain = np.random.default_rng(0).normal(level, sigma, (*HW, 3))
    return np.clip(grain, 0, 255).astype(np.uint8)


def written(image: np.ndarray, *lines: str) -> np.ndarray:
    image = image.copy()
    for line, row in zip(lines, (40, 460), strict=False):
        cv2.putText(image, line, (12, row), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
    return image


def ramp(low: float, high: float) -> np.ndarray:
    row = np.linspace(low, high, HW[1])
    return np.broadcast_to(row[np.newaxis, :, np.newaxis], (*HW, 3)).astype(np.uint8)


def stripes(low: int, high: int) -> np.ndarray:
    image = plain(low, low, low)
    image[:, np.arange(HW[1]) // 12 % 2 == 1] = high
    return image


def vignette(depth: float) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : HW[0] * 1j, -1 : 1 : HW[1] * 1j]
    grey = 200 - depth * (x**2 + y**2) / 2
    return np.repeat(grey[..., np.newaxis], 3, axis=2).astype(np.uint8)


def as_jpeg(image: np.ndarray) -> np.ndarray:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def hot_pixels() -> np.ndarray:
    image = plain(0, 0, 0)
    image[7::97, 5::89] = 255
    return image


FLAT: dict[str, Callable[[], np.ndarray]] = {
    "black": lambda: plain(0, 0, 0),
    "white": lambda: plain(255, 255, 255),
    "grey": lambda: plain(128, 128, 128),
    "bar grey": lambda: plain(127, 127, 127),
    "red": lambda: plain(0, 0, 200),
    "green": lambda: plain(0, 200, 0),
    "blue": lambda: plain(200, 0, 0),
    "black with noise": lambda: noise(0, 8),
    "grey with noise": lambda: noise(128, 8),
    "white with noise": lambda: noise(255, 8),
    "noise as JPEG": lambda: as_jpeg(noise(60, 6)),
    "hot pixels": hot_pixels,
    "time stamp": lambda: written(plain(0, 0, 0), "2024-05-06 07:08:09"),
    "two lines of text": lambda: written(plain(9, 9, 9), "2024-05-06 07:08:09", "Camera 01 Line 3"),
    "text and noise": lambda: as_jpeg(written(noise(4, 4), "2024-05-06 07:08:09")),
    "slight gradient": lambda: ramp(120, 130),
    "slight vignette": lambda: vignette(10),
}

SEEN: dict[str, Callable[[], np.ndarray]] = {
    "gradient": lambda: ramp(100, 140),
    "colours of equal brightness": lambda: np.concatenate(
        [np.full((*HW, 3), (0, 0, 200), np.uint8), np.full((*HW, 3), (0, 102, 0), np.uint8)]
    ),
    "a tenth of the frame": lambda: cv2.rectangle(plain(90, 90, 90), (0, 0), (640, 48), 200, -1),
    "stripes": lambda: stripes(90, 120),
}


@pytest.fixture
def sure(contract: Contract) -> Classifier:
    """A model that accepts everything."""
    return make_sure(contract)


def make_sure(contract: Contract, **changes: Any) -> Classifier:
    from tests.edge.conftest import FakeInterpreter

    interpreter = FakeInterpreter()
    interpreter.input = dataclasses.replace(interpreter.input, shape=(1, 224, 224, 3))
    interpreter.invoke = lambda tensor: np.array([[1, 254]], np.uint8)  # type: ignore[method-assign]
    wide = dataclasses.replace(contract, preprocess=SPEC, **changes)
    return Classifier(ModelFile(b"", "f" * 64, wide), interpreter)


def frame(image: np.ndarray, index: int = 0) -> Frame:
    return Frame(image, utc_now(), "script", index)


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        PreprocessSpec(224, 224, fit="letterbox"),
        PreprocessSpec(224, 224, roi=(0.1, 0.15, 0.8, 0.7)),
        PreprocessSpec(96, 300, fit="letterbox"),
    ],
    ids=["stretched", "letterboxed", "region", "other proportions"],
)
def test_a_flat_image_has_less_contrast_than_the_limit(name: str, spec: PreprocessSpec) -> None:
    assert grey_range(preprocess(FLAT[name](), spec), spec) < DEFAULT_MIN_CONTRAST


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
def test_an_image_of_a_part_has_more_contrast(name: str, fit: str) -> None:
    spec = PreprocessSpec(224, 224, fit=fit)  # type: ignore[arg-type]
    assert grey_range(preprocess(SEEN[name](), spec), spec) >= 2 * DEFAULT_MIN_CONTRAST


def test_only_the_region_of_interest_counts() -> None:
    image = plain(0, 0, 0)
    image[:, :320] = noise(128, 60)[:, :320]
    dark_half = PreprocessSpec(224, 224, roi=(0.5, 0.0, 0.5, 1.0))
    assert grey_range(preprocess(image, dark_half), dark_half) == 0
    assert grey_range(preprocess(image, SPEC), SPEC) > DEFAULT_MIN_CONTRAST


@pytest.mark.parametrize("name", FLAT)
def test_no_function_of_python_accepts_a_flat_image(name: str, sure: Classifier) -> None:
    image = FLAT[name]()
    (prediction,) = sure.classify([image])
    assert prediction.score > 0.99
    assert sure.decide(prediction) is Verdict.REVIEW
    inspection = Inspector(sure)(TriggerEvent("frame", 0.0), frame(image)).result
    assert (inspection.verdict, inspection.error) == (Verdict.REVIEW, None)
    assert WORDS in inspection.reason


@pytest.mark.parametrize("tiles", [(1, 1), (2, 2)])
def test_contrast_is_measured_on_the_whole_image_with_tiles_too(
    tiles: tuple[int, int], contract: Contract, fake_interpreter: Any
) -> None:
    count = tiles[0] * tiles[1]
    shape = (1, 2) if count == 1 else (1, count, 2)
    fake_interpreter.input = dataclasses.replace(fake_interpreter.input, shape=(1, 224, 224, 3))
    fake_interpreter.output = dataclasses.replace(fake_interpreter.output, shape=shape)
    fake_interpreter.invoke = lambda tensor: np.tile(np.array([1, 254], np.uint8), count)
    tiled = dataclasses.replace(contract, preprocess=SPEC, tiles=tiles)
    classifier = Classifier(ModelFile(b"", "", tiled), fake_interpreter)
    one_flat_tile = np.concatenate([plain(0, 0, 0), noise(128, 60)])

    flat, seen = classifier.classify([plain(0, 0, 0), one_flat_tile])

    assert classifier.decide(flat) is Verdict.REVIEW
    assert classifier.decide(seen) is Verdict.ACCEPT


def test_the_limit_can_be_set_and_switched_off(contract: Contract) -> None:
    image = ramp(100, 115)
    for limit, verdict in ((0, "accept"), (5, "accept"), (13, "review"), (255, "review")):
        point = dataclasses.replace(contract.operating_point, min_contrast=limit)
        classifier = make_sure(contract, operating_point=point)
        (prediction,) = classifier.classify([image])
        assert classifier.decide(prediction) == verdict
    strict = Inspector(make_sure(contract), DecisionConfig(min_contrast=60))
    assert strict(TriggerEvent("frame", 0.0), frame(ramp(100, 140))).result.verdict == "review"


@pytest.mark.parametrize("limit", [-1, 256, float("nan")])
def test_an_impossible_limit_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="min_contrast must be 0 to 255"):
        OperatingPoint(("ok",), min_contrast=limit)


def test_a_flat_frame_is_not_accepted_by_the_votes_of_others(sure: Classifier) -> None:
    inspector = Inspector(sure, DecisionConfig(votes=1, window=3))
    images = [noise(128, 60), plain(0, 0, 0), noise(128, 60)]
    results = [inspector(TriggerEvent("frame", 0.0), frame(image)).result for image in images]
    assert [result.verdict for result in results] == ["accept", "review", "accept"]
    assert WORDS in results[1].reason


@pytest.mark.parametrize("score", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("contrast", [None, 0.0, 9.9, 10.0, 200.0])
def test_verdicts_of_arrays_equal_single_verdicts(score: float, contrast: float | None) -> None:
    point = OperatingPoint(("ok",), 0.7, 0.5)
    prediction = Prediction({"bad": 1 - score, "ok": score}, contrast=contrast)
    contrasts = np.array([contrast], np.float64)
    assert verdicts(np.array([score]), point, contrasts).tolist() == [decide(prediction, point)]
    is_flat = contrast is not None and contrast < 10
    assert (WORDS in reason(prediction, point)) == is_flat


def test_the_default_limit_is_not_written_and_used_if_missing(
    contract: Contract,
) -> None:
    document = contract_to_document(contract)
    assert "min_contrast" not in document["operating_point"]
    read = contract_from_document(json.loads(json.dumps(document)))
    assert read.operating_point.min_contrast == DEFAULT_MIN_CONTRAST

    point = dataclasses.replace(contract.operating_point, min_contrast=3.0)
    lowered = dataclasses.replace(contract, operating_point=point)
    assert contract_from_document(json.loads(json.dumps(contract_to_document(lowered)))) == lowered


# ---- the command line, with the model that partsight ships


@pytest.fixture(scope="module")
def flat_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flat")
    for name, make in FLAT.items():
        cv2.imwrite(str(folder / f"{name}.png"), make())
    return folder


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result


def test_classify_writes_the_reason_in_every_format(
    model_path: Path, flat_folder: Path, tmp_path: Path
) -> None:
    for ending in ("jsonl", "csv", "sqlite", "parquet"):
        run("classify", model_path, flat_folder, "-o", tmp_path / f"o.{ending}")
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    with (tmp_path / "o.csv").open(newline="") as stream:
        cells = list(csv.DictReader(stream))
    database = sqlite3.connect(tmp_path / "o.sqlite")
    asked = database.execute("SELECT path, verdict, reason FROM results").fetchall()
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(tmp_path / "o.parquet").to_pylist()
    written = [[(row["path"], row["verdict"], row["reason"]) for row in rows]
            for rows in (lines, cells, table)]  # fmt: skip
    assert written[0] == written[1] == written[2] == asked
    assert len(asked) == len(FLAT)
    assert {verdict for _, verdict, _ in asked} == {"review"}
    assert all(WORDS in why for _, _, why in asked)
    columns = ["path", "label", "score", "scores", "tile", "verdict", "reason", "model", "error"]
    assert list(lines[0]) == columns


def test_the_option_of_classify_overrides_the_models_limit(
    model_path: Path, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), ramp(100, 140))
    given = []
    for limit in ("0", "60"):
        output = run("classify", model_path, tmp_path / "p.png", "--quiet", "--min-contrast", limit)
        given.append(json.loads(output.stdout))
    assert [WORDS in row["reason"] for row in given] == [False, True]
    assert given[1]["verdict"] == "review"
    assert "at least 60 expected" in given[1]["reason"]


def test_evaluate_names_flat_images_and_accepts_none(
    model_path: Path, tmp_path: Path, flat_folder: Path
) -> None:
    for label in ("defected", "healthy"):
        (tmp_path / label).mkdir()
        for name in ("black", "red"):
            (tmp_path / label / f"{name}.png").write_bytes(
                (flat_folder / f"{name}.png").read_bytes()
            )
    figures = json.loads(run("evaluate", model_path, tmp_path, "--json").stdout)
    assert figures["verdicts"] == {
        kind: {"accept": 0, "reject": 0, "review": 2} for kind in ("good", "bad")
    }
    assert {Path(each["path"]).stem for each in figures["flat"]} == {"black", "red"}
    assert figures["recall_of_bad"] == 1.0
    text = run("evaluate", model_path, tmp_path).output
    assert text.count(WORDS) == 4
    assert "verdicts on bad parts: accept 0, reject 0, review 2" in text


def test_evaluation_from_python(sure: Classifier, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "flat.png"), plain(0, 0, 0))
    cv2.imwrite(str(tmp_path / "seen.png"), noise(128, 60))
    pictures = [(tmp_path / "flat.png", 0), (tmp_path / "seen.png", 1)]
    figures = evaluate(sure, score_images(sure, pictures))
    assert [each["path"] for each in figures["flat"]] == [str(tmp_path / "flat.png")]
    assert figures["verdicts"]["bad"]["review"] == figures["verdicts"]["good"]["accept"] == 1
