"""The sample set: reproducible, and with labels that colours do not predict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from partsight.errors import OutputError
from partsight.sample_data import KINDS, LABELS, render_part, write_sample_data

_Item = TypeVar("_Item")

PER_LABEL = 60
# A classifier on colours alone should be guessing. Over 120 pictures a guess has a standard
# deviation of 4.6 points, so this bound is four of them above one half.
COLOUR_BOUND = 0.70


@pytest.fixture(scope="module")
def pictures() -> dict[str, list[NDArray[np.uint8]]]:
    return {label: [render_part(label, i, seed=5) for i in range(PER_LABEL)] for label in LABELS}


@pytest.fixture(scope="module")
def truth() -> NDArray[np.str_]:
    return np.repeat(LABELS, PER_LABEL)


@pytest.mark.parametrize("label", LABELS)
def test_an_image_depends_only_on_label_index_and_seed(label: str) -> None:
    picture = render_part(label, 3, seed=1)
    assert picture.shape == (240, 320, 3)
    assert picture.dtype == np.uint8
    render_part(label, 4, seed=1)
    np.testing.assert_array_equal(render_part(label, 3, seed=1), picture)
    assert not np.array_equal(render_part(label, 4, seed=1), picture)
    assert not np.array_equal(render_part(label, 3, seed=2), picture)


def test_labels_draw_different_parts_from_one_index() -> None:
    assert not np.array_equal(render_part("healthy", 0), render_part("defected", 0))


@pytest.mark.parametrize(
    ("label", "index", "seed", "exception", "words"),
    [
        ("healthy", 0, 0, None, ""),
        (
            "Healthy",
            0,
            0,
            ValueError,
            "label must be one of defected, healthy. Received: 'Healthy'",
        ),
        ("healthy", -1, 0, ValueError, "index must be 0 or more. Received: -1"),
        ("defected", 0, -2, ValueError, "seed must be 0 or more. Received: -2"),
    ],
)
def test_arguments_of_render_part(
    label: str, index: int, seed: int, exception: type[Exception] | None, words: str
) -> None:
    if exception is None:
        assert render_part(label, index, seed).any()
    else:
        with pytest.raises(exception) as caught:
            render_part(label, index, seed)
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("per_label", "seed", "exception"),
    [(0, 0, ValueError), (-3, 0, ValueError), (1, -1, ValueError)],
)
def test_bad_arguments_write_nothing(
    tmp_path: Path, per_label: int, seed: int, exception: type[Exception]
) -> None:
    destination = tmp_path / "parts"
    with pytest.raises(exception, match="Received: "):
        write_sample_data(destination, per_label, seed)
    assert not destination.exists()


def test_a_set_has_its_names_counts_and_every_defect(tmp_path: Path) -> None:
    totals: list[int] = []

    def progress(items: Iterable[_Item], total: int) -> Iterable[_Item]:
        totals.append(total)
        return items

    paths = write_sample_data(tmp_path, 6, progress=progress)
    on_disk = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert sorted(paths) == on_disk
    names = {label: {p.name for p in paths if p.parent.name == label} for label in LABELS}
    assert names["healthy"] == {f"good_{i:04d}.jpg" for i in range(6)}
    assert names["defected"] == {f"{KINDS[i % len(KINDS)]}_{i:04d}.jpg" for i in range(6)}
    assert set(KINDS) == {"burr", "crack", "dent", "missing_hole", "scratch"}
    assert totals == [12]


def test_a_larger_set_keeps_the_smaller_one(tmp_path: Path) -> None:
    few = write_sample_data(tmp_path / "few", 2, seed=7)
    write_sample_data(tmp_path / "many", 4, seed=7)
    for path in few:
        clone = tmp_path / "many" / path.relative_to(tmp_path / "few")
        assert clone.read_bytes() == path.read_bytes()


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "mine.txt"
    kept.write_text("mine")
    with pytest.raises(OutputError) as caught:
        write_sample_data(tmp_path, 1)
    assert "1 entries, among them 'mine.txt'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.rglob("*")) == [kept]
    assert kept.read_text() == "mine"


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "parts"
    place.write_text("mine")
    with pytest.raises(OutputError, match="expected an empty or a new folder"):
        write_sample_data(place, 1)
    assert place.read_text() == "mine"


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(max_iter=1000), KNeighborsClassifier(9)],
    ids=["logistic", "neighbours"],
)
@pytest.mark.parametrize("spread", [False, True], ids=["mean", "mean-and-deviation"])
def test_colours_do_not_predict_the_label(
    pictures: dict[str, list[NDArray[np.uint8]]],
    truth: NDArray[np.str_],
    model: LogisticRegression | KNeighborsClassifier,
    spread: bool,
) -> None:
    frames = [picture for label in LABELS for picture in pictures[label]]
    features = np.array([frame.mean((0, 1)) for frame in frames])
    if spread:
        features = np.hstack([features, [frame.std((0, 1)) for frame in frames]])
    scores = cross_val_score(make_pipeline(StandardScaler(), model), features, truth, cv=5)
    assert scores.mean() < COLOUR_BOUND


@pytest.mark.parametrize("label", LABELS)
def test_light_and_background_vary_within_a_label(
    pictures: dict[str, list[NDArray[np.uint8]]], label: str
) -> None:
    means = np.array([picture.mean((0, 1)) for picture in pictures[label]])
    # In grey levels; one lamp over one ground would stay within a few.
    assert means.std(0).min() > 10
    exposed = [np.mean(picture > 250) < 0.4 and picture.max() > 80 for picture in pictures[label]]
    assert all(exposed)
