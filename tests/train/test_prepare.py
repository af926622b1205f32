"""Training data of a prepared folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from partsight.cli.main import main
from partsight.errors import DatasetError
from partsight.utils.progress import silent
from partsight_train.data.dataset import Split
from partsight_train.data.prepare import Prepared, prepare
from partsight_train.settings import AugmentSettings, TrainSettings


@pytest.mark.parametrize(
    ("augment", "quantization_aware", "copies"),
    [
        (AugmentSettings(), False, 0),
        (AugmentSettings(), True, 1),
        (AugmentSettings(copies=2, brightness=0.2), True, 3),
    ],
)
def test_copies_are_added_to_the_training_data(
    parts: Path,
    tiny_backbone: Path,
    augment: AugmentSettings,
    quantization_aware: bool,
    copies: int,
) -> None:
    settings = TrainSettings(
        str(tiny_backbone), augment=augment, quantization_aware=quantization_aware
    )
    prepared = prepare(parts, settings, lambda stage: silent)
    training_data, train = prepared.training_data, prepared.rows(Split.TRAIN)
    learned_from = training_data.training(train)

    assert len(training_data.copies) == copies
    assert len(learned_from.labels) == (1 + copies) * len(train)
    exact = training_data.examples.features
    for copy in training_data.copies:
        assert copy.shape == exact.shape
        assert not np.array_equal(copy, exact)
    if quantization_aware:
        # The last copy has the same images in int8.
        assert np.abs(training_data.copies[-1] - exact).max() < 0.05 * np.ptp(exact)


def test_features_are_kept_in_the_chosen_folder(
    parts: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    settings = TrainSettings(str(tiny_backbone), quantization_aware=False)
    prepare(parts, settings, lambda stage: silent, tmp_path / "cache")
    assert {path.name for path in (tmp_path / "cache").iterdir()} >= {"features"}


@pytest.mark.parametrize("command", ["train", "tune"])
def test_the_option_for_the_cache_is_passed_and_not_put_into_the_environment(
    command: str, parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Path] = []

    def stopped(*arguments: object, cache: Path, **options: object) -> None:
        given.append(cache)
        raise DatasetError("stopped")

    monkeypatch.setattr("partsight_train.train.train", stopped)
    monkeypatch.setattr("partsight_train.tune.study.tune", stopped)
    before = os.environ["PARTSIGHT_CACHE_DIR"]
    options = ["-o", str(tmp_path / "out"), "--cache-dir", str(tmp_path / "cache")]
    CliRunner().invoke(main, [command, str(parts), *options])
    assert given == [tmp_path / "cache"]
    assert os.environ["PARTSIGHT_CACHE_DIR"] == before


def prepared_of(folder: Path, backbone: Path, **settings: object) -> Prepared:
    chosen = TrainSettings(str(backbone), quantization_aware=False, **settings)  # type: ignore[arg-type]
    return prepare(folder, chosen, lambda stage: silent)


def check_data(folder: Path, backbone: Path, *arguments: object) -> Result:
    words = ("check-data", folder, "--backbone", backbone, *arguments)
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize(
    ("accept_labels", "message"),
    [((), "all labels mean a good part"), (("OK", "good"), "all labels mean a good part")],
)
def test_a_dataset_without_bad_parts_is_refused(
    parts: Path, tiny_backbone: Path, accept_labels: tuple[str, ...], message: str
) -> None:
    (parts / "defected").rename(parts / "OK")
    (parts / "healthy").rename(parts / "good")

    with pytest.raises(DatasetError, match=message):
        prepared_of(parts, tiny_backbone, accept_labels=accept_labels)


def test_the_users_choice_of_good_labels_is_kept(parts: Path, tiny_backbone: Path) -> None:
    (parts / "defected").rename(parts / "OK")
    (parts / "healthy").rename(parts / "good")

    prepared = prepared_of(parts, tiny_backbone, accept_labels=("good",))

    assert prepared.accept_labels == ("good",)
    assert prepared.training_data.bad == (0,)


def widen(parts: Path, bits: int) -> None:
    """The same images in grey with this number of significant bits of 16."""
    for path in parts.rglob("*.png"):
        grey = np.asarray(Image.open(path).convert("L")).astype(np.uint32)
        samples = (grey * (2**bits - 1) // 255).astype(np.uint16)
        Image.fromarray(samples).save(path)


def test_significant_bits_of_the_dataset_are_stored_in_the_model(
    parts: Path, tiny_backbone: Path
) -> None:
    eight = prepared_of(parts, tiny_backbone).training_data
    widen(parts, 12)

    prepared = prepared_of(parts, tiny_backbone)
    given = prepared_of(parts, tiny_backbone, bit_depth=16)

    assert eight.backbone.spec.bit_depth is None
    assert prepared.training_data.backbone.spec.bit_depth == 12
    assert given.training_data.backbone.spec.bit_depth == 16
    assert "12 significant bits (declared, or observed over the whole set)" in prepared.notes[-1]
    spread = [np.ptp(each.training_data.examples.features) for each in (prepared, given)]
    assert spread[0] > 3 * spread[1]


def test_check_data_prints_how_the_folder_is_read(parts: Path, tiny_backbone: Path) -> None:
    for label in ("defected", "healthy"):
        for number, path in enumerate(sorted((parts / label).iterdir())):
            folder = parts / label / f"SN{label[0]}{number // 3}"
            folder.mkdir(exist_ok=True)
            path.rename(folder / f"view{number % 3}.png")
    (parts / "healthy" / "film.mp4").touch()
    (parts / "healthy" / "@eaDir").mkdir()

    result = check_data(parts, tiny_backbone)
    document = json.loads(check_data(parts, tiny_backbone, "--json").stdout)

    assert result.exit_code == 0
    assert "label healthy: 10 parts by sub-folder, as file names recur" in result.output
    assert "1 file not read: 1 .mp4" in result.output
    assert "30 images (18 train, 6 validation, 6 test) of 10 parts" in result.output
    assert document["parts"] == {"defected": 10, "healthy": 10}
    assert document["not_read"] == {".mp4": 1}


def test_check_data_names_a_folder_that_cannot_be_read(
    parts: Path, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (parts / "healthy" / "closed").mkdir()
    listed = os.listdir

    def refusing(path: Path) -> list[str]:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "listdir", refusing)

    result = check_data(parts, tiny_backbone)

    assert result.exit_code == 3
    assert "closed: the folder cannot be read: Permission denied" in result.output


def test_a_published_split_is_noted_with_the_options_it_overrides(
    parts: Path, tiny_backbone: Path
) -> None:
    divided = parts.parent / "divided"
    for label in ("defected", "healthy"):
        for number, path in enumerate(sorted((parts / label).iterdir())):
            folder = divided / ("test" if number < 8 else "train") / label
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path.name)
    for folder in ("test", "train"):
        clone = divided / folder / "healthy" / f"x_nohash_{folder}.png"
        shutil.copy(parts / "healthy" / "part029.png", clone)

    prepared = prepared_of(divided, tiny_backbone, test_share=0.3)

    assert len(prepared.rows(Split.TEST)) == 17
    notes = " ".join(prepared.notes)
    assert "already divided into train, test, which are kept; validation taken from train" in notes
    assert "1 part with images in more than one of the published splits" in notes
    assert "--test-share 0.3 is not used: the test split is published" in notes


@pytest.mark.parametrize(
    ("part", "effect"),
    [
        ("val", "validation split has no images of defected: the operating point is chosen"),
        ("test", "test split has no images of defected: the figures say nothing"),
    ],
)
def test_a_published_split_without_a_label_is_noted(
    parts: Path, tiny_backbone: Path, part: str, effect: str
) -> None:
    divided = parts.parent / f"divided-{part}"
    for label in ("defected", "healthy"):
        shutil.copytree(parts / label, divided / "train" / label)
    (divided / part / "healthy").mkdir(parents=True)
    for path in sorted((divided / "train" / "healthy").iterdir())[:8]:
        path.rename(divided / part / "healthy" / path.name)

    assert effect in " ".join(prepared_of(divided, tiny_backbone).notes)
