"""Tiles of an image: cut, trained on and delivered; the worst one decides."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from partsight import Classifier
from partsight.cli.main import main
from partsight_train.backbones.backbone import open_backbone
from partsight_train.export.assemble import assemble
from partsight_train.heads.fit_head import fit_head
from partsight_train.heads.head import Examples, Head, predict
from partsight_train.network.activation_map import contributions
from partsight_train.network.tiles import (
    by_image,
    cut,
    join,
    join_tile_maps,
    mean_tiles,
    select_tiles,
    worst_tiles,
)
from partsight_train.settings import HeadSettings
from partsight_train.tensorflow_stack import tf

ROWS, COLUMNS, SIDE = 2, 3, 32
BAD = (0,)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_uncut_restores_the_image(rows: int, columns: int, count: int) -> None:
    shape = (count, rows * 2, columns * 3, 1)
    images = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    tiles = cut(tf.constant(images), (rows, columns))
    np.testing.assert_array_equal(join_tile_maps(tiles, (rows, columns)), images)
    values = by_image(tf.reshape(tiles, (-1, 6)), (rows, columns)).numpy()
    assert values.shape == ((count, 6) if rows * columns == 1 else (count, rows * columns, 6))
    for image, parts in zip(images, values, strict=True):
        joined = join(parts.reshape(-1, 2, 3), (rows, columns))
        np.testing.assert_array_equal(joined, image[..., 0])


def hidden(count: int, seed: int) -> tuple[Examples, np.ndarray]:
    """Parts with 6 tiles of 8 features, and the index of each bad part's bad tile.

    Tiles at different places differ more than bad tiles differ from good ones.
    """
    generator = np.random.default_rng(seed)
    tiles = generator.normal(size=(count, 6, 8)) + 5 * np.eye(6, 8)[np.newaxis]
    labels = np.arange(count) % 2
    at = generator.integers(0, 6, count)
    tiles[labels == 0, at[labels == 0], 6:] += 3
    return Examples(tiles.reshape(count, -1).astype(np.float32), labels), at


def test_the_tile_that_shows_the_defect_is_found() -> None:
    (train, _), (watched, _), (others, other_at) = hidden(400, 0), hidden(100, 1), hidden(200, 2)
    halves = np.arange(400) // 2 % 2
    tiles, watched_tiles = select_tiles(train, halves, watched, (ROWS, COLUMNS), 2, BAD)
    assert np.bincount(tiles.labels).tolist() == [200, 6 * 200]
    assert np.bincount(watched_tiles.labels).tolist() == [50, 6 * 50]

    settings = HeadSettings()
    head = fit_head(tiles, watched_tiles, 2, settings).head
    worst = worst_tiles(head, others.features, BAD)
    right = predict(head, worst).argmax(axis=1) == others.labels
    every = others.features.reshape(200, 6, 8)
    found = (every == worst[:, np.newaxis]).all(axis=2).argmax(axis=1) == other_at
    assert right.mean() > 0.9
    assert found[others.labels == 0].mean() > 0.9

    means = (mean_tiles(part, (ROWS, COLUMNS)) for part in (train, watched))
    whole = fit_head(*means, 2, settings).head
    mean = predict(whole, mean_tiles(others, (ROWS, COLUMNS)).features)
    assert (mean.argmax(axis=1) == others.labels).mean() < right.mean() - 0.03


def test_maps_of_tiles_are_joined_in_order(tiny_backbone: Path) -> None:
    backbone = open_backbone(str(tiny_backbone))
    generator = np.random.default_rng(1)
    kernel = generator.normal(size=(backbone.feature_size, 2)).astype(np.float32)
    head = Head(kernel, np.zeros(2, np.float32))
    image = generator.integers(0, 256, (ROWS * SIDE, COLUMNS * SIDE, 3), np.uint8)
    spec = dataclasses.replace(backbone.spec, height=ROWS * SIDE, width=COLUMNS * SIDE)
    tiled = dataclasses.replace(backbone, spec=spec, tiles=(ROWS, COLUMNS), views=2)
    explain = contributions(assemble(tiled, head), (ROWS, COLUMNS))
    explain_tile = contributions(assemble(dataclasses.replace(backbone, views=2), head))
    assert explain is not None
    assert explain_tile is not None

    (whole,) = explain(image, 1)
    for row, band in enumerate(np.split(whole, ROWS)):
        for column, part in enumerate(np.split(band, COLUMNS, axis=1)):
            tile = image[row * SIDE :, column * SIDE :][:SIDE, :SIDE]
            np.testing.assert_allclose(part, explain_tile(tile, 1)[0], rtol=1e-3, atol=1e-6)


def write_frames(folder: Path) -> Path:
    """Bright surfaces; bad ones have a dark spot in one of six tiles, given by the file name."""
    generator = np.random.default_rng(0)
    for label in ("defected", "healthy"):
        (folder / label).mkdir(parents=True)
        for number in range(40):
            pixels = 180 + generator.integers(-30, 30, (ROWS * SIDE, COLUMNS * SIDE, 3))
            row, column = divmod(number % (ROWS * COLUMNS), COLUMNS)
            if label == "defected":
                pixels[row * SIDE + 8 : row * SIDE + 24, column * SIDE + 8 : column * SIDE + 24] = 0
            name = f"{number:02d}_{row}_{column}.png"
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / name)
    return folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_the_delivered_file_locates_a_small_defect(tiny_backbone: Path, tmp_path: Path) -> None:
    frames, run = write_frames(tmp_path / "frames"), tmp_path / "run"
    options = ["--backbone", tiny_backbone, "--tiles", f"{ROWS}x{COLUMNS}", "--cross-validate", 2]
    trained = invoke("train", frames, "-o", run, *options)
    assert trained.exit_code == 0, trained.output
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["cross_validation"]["accuracy"] > 0.95
    assert metrics["int8"]["parity"]["agreement"] > 0.95

    model = run / "model-int8.tflite"
    classifier = Classifier.load(model)
    assert classifier.contract.tiles == (ROWS, COLUMNS)
    assert classifier.interpreter.output.shape == (1, ROWS * COLUMNS, 2)

    rows_file = tmp_path / "rows.jsonl"
    assert invoke("classify", model, frames / "defected", "-o", rows_file).exit_code == 0
    rows = [json.loads(line) for line in rows_file.read_text().splitlines()]
    places = ["{}_{}".format(*row["tile"]) for row in rows]
    right = [row["path"].endswith(f"{at}.png") for row, at in zip(rows, places, strict=True)]
    assert np.mean(right) > 0.95

    csv = tmp_path / "rows.csv"
    assert invoke("classify", model, frames / "defected", "-o", csv).exit_code == 0
    assert '"[' in csv.read_text()


def test_too_few_parts_for_tiles_are_refused(tiny_backbone: Path, tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "frames")
    for path in sorted((frames / "defected").iterdir())[3:]:
        path.unlink()
    options = ["--backbone", tiny_backbone, "--tiles", "2x3"]
    result = invoke("train", frames, "-o", tmp_path / "run", *options)
    assert result.exit_code == 1
    assert "defected has fewer than two parts to train on" in result.output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--tiles", "2"], 2, "such as 2x3. Received: '2'"),
        (["--tiles", "0x2"], 2, "such as 2x3"),
        (["--tiles", "2x2", "--fine-tune", "top"], 2, "tiles need a frozen backbone"),
        (["--tiles", "2x2"], 1, "Name it with --accept-label. Labels: crack, plain."),
    ],
)
def test_unsupported_options_with_tiles_are_refused(
    options: list[str], code: int, message: str, parts: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    (parts / "defected").rename(parts / "crack")
    (parts / "healthy").rename(parts / "plain")
    result = invoke("train", parts, "-o", tmp_path / "run", "--backbone", tiny_backbone, *options)
    assert result.exit_code == code
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "run" / "model-int8.tflite").exists()
