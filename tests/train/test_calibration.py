"""Choice of the images that set the ranges of a quantized network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partsight.image.spec import PreprocessSpec
from partsight_train.conversion.convert import representative
from partsight_train.data.calibration import choose_calibration
from partsight_train.data.dataset import LabelledImage, Split

SPEC = PreprocessSpec(1, 1)


@pytest.fixture
def images(tmp_path: Path) -> list[LabelledImage]:
    """Forty images of label 0, six of label 1; each has one grey level, below 100 or above."""
    found = []
    for number in range(46):
        label = int(number >= 40)
        path = tmp_path / f"{number}.png"
        Image.new("L", (2, 2), number + 100 * label).save(path)
        found.append(LabelledImage(path, label, Split.TRAIN, 0.0))
    return found


def greys(chosen: list[np.ndarray]) -> list[int]:
    return [int(image[0, 0, 0]) for image in chosen]


@pytest.mark.parametrize(
    ("count", "of_one", "of_other"), [(1, 1, 0), (8, 4, 4), (12, 6, 6), (30, 24, 6), (99, 40, 6)]
)
def test_labels_have_equal_shares_as_far_as_possible(
    images: list[LabelledImage], count: int, of_one: int, of_other: int
) -> None:
    found = greys(choose_calibration(images, SPEC, count, seed=3).images())
    assert len(found) == len(set(found))
    shares = sorted([sum(grey < 100 for grey in found), sum(grey >= 100 for grey in found)])
    assert shares == sorted([of_one, of_other])


def test_the_choice_depends_on_the_seed(images: list[LabelledImage]) -> None:
    by_seed = [greys(choose_calibration(images, SPEC, 8, seed).images()) for seed in (0, 0, 1)]
    assert by_seed[0] == by_seed[1] != by_seed[2]


def test_a_picture_that_can_no_longer_be_read_is_left_out(
    images: list[LabelledImage],
) -> None:
    for each in images[:20]:
        each.path.unlink()
    assert len(choose_calibration(images, SPEC, 99, 0).images()) == 26


def test_the_converter_gets_values_from_0_to_1(images: list[LabelledImage]) -> None:
    ((fed,),) = representative([np.full((1, 1, 3), 51, np.uint8)])
    assert (fed.shape, fed.dtype) == ((1, 1, 1, 3), np.float32)
    assert fed[0, 0, 0, 0] == np.float32(0.2)


def test_the_identity_depends_on_the_contents(images: list[LabelledImage]) -> None:
    def digests() -> dict[Path, bytes]:
        return {each.path: hashlib.sha256(each.path.read_bytes()).digest() for each in images}

    chosen = choose_calibration(images, SPEC, 8, 0)
    before = chosen.identity(digests())
    assert before == choose_calibration(images, SPEC, 8, 0).identity(digests())
    Image.new("L", (2, 2), 250).save(chosen.paths[3])
    assert chosen.identity(digests()) != before
