"""Heat map overlays: position and file names; and models with heat maps."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from partsight.api import Classifier
from partsight.batch.heatmaps import require_heatmap, write_overlay
from partsight.errors import ContractError, ImageError, ModelError, OutputError
from partsight.image.overlay import overlay
from partsight.image.preprocess import preprocess
from partsight.image.spec import PreprocessSpec
from partsight.inference.interpreter import TensorInfo
from partsight.inputs.base import InputImage
from partsight.model.contract import Contract, contract_from_document, contract_to_document
from partsight.model.file import ModelFile
from partsight.records import ImageResult, Prediction, Verdict

GREY = 128


def change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.abs(after.astype(int) - before).sum(axis=2)


@pytest.mark.parametrize("cell", [1, 4])
@pytest.mark.parametrize("spot", [(0.3, 0.4), (0.6, 0.35), (0.55, 0.65)])
@pytest.mark.parametrize("hw", [(120, 120), (300, 100), (90, 400), (20, 24)])
@pytest.mark.parametrize(
    "spec",
    [
        PreprocessSpec(64, 64),
        PreprocessSpec(64, 128),
        PreprocessSpec(64, 64, fit="letterbox"),
        PreprocessSpec(64, 128, fit="letterbox"),
        PreprocessSpec(64, 64, roi=(0.1, 0.2, 0.7, 0.6)),
        PreprocessSpec(64, 64, fit="letterbox", roi=(0.2, 0.1, 0.6, 0.9)),
    ],
    ids=lambda spec: f"{spec.fit} {spec.height}x{spec.width} {spec.roi or ''}".strip(),
)
def test_the_overlay_is_at_the_position_of_the_map(
    spec: PreprocessSpec, hw: tuple[int, int], spot: tuple[float, float], cell: int
) -> None:
    """A bright spot, seen through ``preprocess``, is the map; its colour is on the spot."""
    height, width = hw
    top, left = int(spot[0] * height), int(spot[1] * width)
    bottom, right = top + max(4, height // 8), left + max(4, width // 8)
    marked = np.full((*hw, 3), 127, np.uint8)
    marked[top:bottom, left:right] = 255
    seen = preprocess(marked, spec)[:, :, 0].astype(np.float32)
    size_wh = (spec.width // cell, spec.height // cell)
    heatmap = cv2.resize(seen, size_wh, interpolation=cv2.INTER_AREA)

    grey = np.full((*hw, 3), GREY, np.uint8)
    weight = change(grey, overlay(grey, heatmap, spec)).astype(float)

    weight[weight < weight.max() / 2] = 0
    rows, columns = np.indices(hw)
    centre = (rows * weight).sum() / weight.sum(), (columns * weight).sum() / weight.sum()
    # Half a cell of the map, as pixels of the picture.
    off = 1 + cell / 2 * max(height / spec.height, width / spec.width)
    assert centre[0] == pytest.approx((top + bottom - 1) / 2, abs=off)
    assert centre[1] == pytest.approx((left + right - 1) / 2, abs=off)


def test_outside_the_region_nothing_changes(noise_bgr: np.ndarray) -> None:
    spec = PreprocessSpec(32, 32, roi=(0.25, 0.5, 0.5, 0.25))
    rng = np.random.default_rng(0)
    before = noise_bgr.copy()

    changed = change(before, overlay(noise_bgr, rng.normal(size=(8, 8)).astype(np.float32), spec))

    assert changed[240:360, 160:480].any()
    changed[240:360, 160:480] = 0
    assert not changed.any()
    np.testing.assert_array_equal(noise_bgr, before)


def test_maxima_in_the_bars_do_not_count() -> None:
    spec = PreprocessSpec(64, 64, fit="letterbox")
    heatmap = np.zeros((16, 16), np.float32)
    heatmap[:3] = 1000
    heatmap[8, 8] = 1
    grey = np.full((60, 120, 3), GREY, np.uint8)

    changed = change(grey, overlay(grey, heatmap, spec))

    row, column = np.unravel_index(changed.argmax(), changed.shape)
    assert (abs(row - 32) <= 4, abs(column - 64) <= 4) == (True, True)


@pytest.mark.parametrize("level", [-50, 0, 50])
def test_a_constant_map_colours_nothing(noise_bgr: np.ndarray, level: float) -> None:
    heatmap = np.full((8, 8), level, np.float32)
    np.testing.assert_array_equal(overlay(noise_bgr, heatmap, PreprocessSpec(32, 32)), noise_bgr)


def picture(path: Path) -> InputImage:
    return InputImage(str(path), path)


def result_of(path: Path, verdict: Verdict) -> ImageResult:
    heatmap = np.eye(4, dtype=np.float32)
    scores = {"defected": 0.5, "healthy": 0.5}
    return ImageResult(str(path), "f" * 64, Prediction(scores, heatmap=heatmap), verdict)


@pytest.fixture
def two_of_a_name(tmp_path: Path, noise_bgr: np.ndarray) -> list[Path]:
    paths = [tmp_path / folder / f"{'part ' * 12}.png" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        assert cv2.imwrite(str(path), noise_bgr)
    return paths


def test_images_of_the_same_name_get_different_files(
    two_of_a_name: list[Path], tmp_path: Path
) -> None:
    spec, folder = PreprocessSpec(32, 32), tmp_path / "maps"

    for _ in range(2):  # again gives the same files
        written = {
            write_overlay(folder, picture(path), result_of(path, Verdict.REJECT), spec)
            for path in two_of_a_name
        }

    assert written == set(folder.iterdir())
    assert len(written) == 2
    for path in written:
        assert path is not None
        assert path.name.startswith("part part")
        assert cv2.imread(str(path)).shape == (480, 640, 3)


def test_a_large_image_is_shrunk(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "line.png"), np.full((3, 3201, 3), GREY, np.uint8))
    path = tmp_path / "line.png"
    written = write_overlay(
        tmp_path, picture(path), result_of(path, Verdict.REVIEW), PreprocessSpec(32, 32)
    )
    assert cv2.imread(str(written)).shape == (1, 1600, 3)


@pytest.mark.parametrize(
    "result",
    [
        result_of(Path("gone.png"), Verdict.ACCEPT),
        ImageResult("gone.png", "f" * 64, error="not an image"),
        ImageResult("gone.png", "f" * 64, Prediction({"a": 0.1, "b": 0.9}), Verdict.REJECT),
    ],
    ids=["accepted", "not judged", "no map"],
)
def test_accepted_and_failed_images_get_no_file(tmp_path: Path, result: ImageResult) -> None:
    assert write_overlay(tmp_path, picture(tmp_path), result, PreprocessSpec(32, 32)) is None
    assert not list(tmp_path.iterdir())


def test_unreadable_and_unwritable_files_are_named(
    two_of_a_name: list[Path], tmp_path: Path
) -> None:
    spec, (path, _) = PreprocessSpec(32, 32), two_of_a_name
    with pytest.raises(OutputError, match="cannot write"):
        write_overlay(path, picture(path), result_of(path, Verdict.REJECT), spec)
    gone = tmp_path / "gone.png"
    with pytest.raises(ImageError):
        write_overlay(tmp_path, picture(gone), result_of(gone, Verdict.REJECT), spec)


def test_a_model_without_maps_is_refused_with_the_next_step(contract: Contract) -> None:
    with pytest.raises(ModelError, match="export RUN_DIR --quantize int8 --heatmap"):
        require_heatmap(contract)
    require_heatmap(dataclasses.replace(contract, heatmap=(2, 3)))


def test_contracts_of_older_versions_have_no_map(contract: Contract) -> None:
    mapped = dataclasses.replace(contract, heatmap=(2, 3))
    document = json.loads(json.dumps(contract_to_document(mapped)))
    assert contract_from_document(document) == mapped
    del document["heatmap"]
    assert contract_from_document(document) == contract


@pytest.mark.parametrize("sides", [(2,), (2, 0), (2, 3.0), (1, 2, 3)])
def test_a_map_without_a_size_is_refused(contract: Contract, sides: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="heatmap must be rows and columns"):
        dataclasses.replace(contract, heatmap=sides)


MAP = TensorInfo((1, 2, 3, 1), np.dtype(np.uint8), 0.5, 100)


def test_a_prediction_has_the_map_in_real_numbers(contract, fake_interpreter, make_frame) -> None:
    raw = np.array([[0, 99, 100], [101, 200, 255]], np.uint8)
    fake_interpreter.heatmap = MAP
    fake_interpreter.read_heatmap = lambda: raw[np.newaxis, :, :, np.newaxis]
    file = ModelFile(b"", "", dataclasses.replace(contract, heatmap=(2, 3)))

    (prediction,) = Classifier(file, fake_interpreter).classify([make_frame(10).image_bgr])

    assert prediction.heatmap is not None
    assert prediction.heatmap.dtype == np.float32
    assert prediction.heatmap.tolist() == [[-50, -0.5, 0], [0.5, 50, 77.5]]
    assert prediction == Prediction(prediction.scores)
    row = ImageResult("a.png", "f" * 64, prediction, Verdict.REJECT).row()
    assert "heatmap" not in row


@pytest.mark.parametrize(
    ("promised", "given"),
    [
        ((2, 3), None),
        (None, MAP),
        ((3, 2), MAP),
        ((2, 3), dataclasses.replace(MAP, dtype=np.dtype(np.int64))),
    ],
)
def test_a_map_that_differs_from_the_contract_is_refused(
    contract, fake_interpreter, promised: tuple[int, int] | None, given: TensorInfo | None
) -> None:
    fake_interpreter.heatmap = given
    file = ModelFile(b"", "", dataclasses.replace(contract, heatmap=promised))
    with pytest.raises(
        ContractError, match=r"expected a heat map .*, received .*\. Export it again"
    ):
        Classifier(file, fake_interpreter)
