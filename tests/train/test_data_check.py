"""A data check finds planted faults, and nothing else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

from partsight.cli.main import main
from partsight_train.data.dataset import Dataset, LabelledImage, Split, assign_folds, split
from partsight_train.data.image_summaries import SIDE, summarize_images
from partsight_train.data.near_duplicates import duplicate_groups, near_pairs
from partsight_train.data_check import Finding, Severity, check, findings_html
from partsight_train.data_check.counts import imbalance, mixed_shapes, too_few
from partsight_train.data_check.flat import flat
from partsight_train.data_check.mislabelled import suspects
from partsight_train.heads.head import Examples

LABELS = ("defected", "healthy")


def surface(seed: int, side: int = 96) -> NDArray[np.uint8]:
    """A plain part under uneven light, with a unique texture."""
    generator = np.random.default_rng(seed)
    small = generator.normal(128, 30, (side // 6, side // 6))
    texture = np.asarray(Image.fromarray(small.astype(np.float32)).resize((side, side)))
    light = np.linspace(-40, 40, side)[np.newaxis]
    return np.clip(texture + light, 0, 255).astype(np.uint8)


def write(path: Path, pixels: NDArray[np.uint8], quality: int = 95) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=quality)
    return path


def checked(found: dict[str, list[Path]], features: NDArray[np.float32]) -> tuple[Finding, ...]:
    dataset = split(found)
    digests = {
        image.path: hashlib.sha256(image.path.read_bytes()).digest() for image in dataset.images
    }
    labels = np.array([image.label for image in dataset.images], np.intp)
    return check(dataset, digests, {}, Examples(features, labels))


@pytest.fixture
def found(tmp_path: Path) -> dict[str, list[Path]]:
    """Thirty different images per label."""
    return {
        label: [
            write(tmp_path / label / f"{number:02d}.jpg", surface(100 * index + number))
            for number in range(30)
        ]
        for index, label in enumerate(LABELS)
    }


def separable_features(found: dict[str, list[Path]]) -> NDArray[np.float32]:
    """Features that separate the labels."""
    generator = np.random.default_rng(0)
    centres = [index for index, label in enumerate(found) for _ in found[label]]
    noise = generator.normal(size=(len(centres), 8))
    return (4 * np.array(centres)[:, np.newaxis] + noise).astype(np.float32)


def test_good_pictures_give_no_finding(found: dict[str, list[Path]]) -> None:
    assert checked(found, separable_features(found)) == ()


@pytest.mark.parametrize(
    ("label", "kind", "severity"),
    [
        ("defected", "duplicate across labels", Severity.ERROR),
        ("healthy", "duplicate", Severity.NOTE),
    ],
)
def test_an_exact_duplicate_is_found(
    found: dict[str, list[Path]], label: str, kind: str, severity: Severity
) -> None:
    first = found["healthy"][3]
    clone = first.with_name("twin.jpg") if label == "healthy" else found["defected"][0]
    clone.write_bytes(first.read_bytes())
    if label == "healthy":
        found["healthy"].append(clone)

    findings = checked(found, separable_features(found))

    kinds = {finding.kind: finding for finding in findings}
    # A copy under the same label may be in another split, which is more severe.
    if kind == "duplicate" and "duplicate across splits" in kinds:
        kind, severity = "duplicate across splits", Severity.WARNING
    assert kinds[kind].severity is severity
    assert {path for group in kinds[kind].groups for path in group} == {first, clone}


def test_a_duplicate_in_another_split_is_a_warning(found: dict[str, list[Path]]) -> None:
    dataset = split(found)
    (learned, *_), (tested, *_) = dataset.of(Split.TRAIN), dataset.of(Split.TEST)
    tested.path.write_bytes(learned.path.read_bytes())
    (finding,) = checked(found, separable_features(found))
    assert (finding.kind, finding.severity) == ("duplicate across splits", Severity.WARNING)


@pytest.mark.parametrize(
    "change",
    [
        lambda pixels: (pixels * 0.6).astype(np.uint8),
        lambda pixels: np.clip(pixels.astype(int) + 25, 0, 255).astype(np.uint8),
        lambda pixels: np.asarray(Image.fromarray(pixels).resize((60, 60))),
        lambda pixels: pixels[1:, 1:],
    ],
    ids=["darker", "brighter", "smaller", "cut by a pixel"],
)
def test_a_near_duplicate_is_found(found: dict[str, list[Path]], change) -> None:  # type: ignore[no-untyped-def]
    write(found["defected"][7], change(surface(100 + 4)), quality=70)
    kinds = {finding.kind: finding for finding in checked(found, separable_features(found))}
    duplicates = kinds["near duplicate across labels"].groups
    assert [set(group) for group in duplicates] == [{found["defected"][7], found["healthy"][4]}]


def test_plain_surfaces_are_not_near_duplicates() -> None:
    """Illumination alone gives them nearly the same hash."""
    light = np.linspace(60, 190, SIDE)[np.newaxis]
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 2, (50, SIDE, SIDE))
    assert near_pairs((light + noise).astype(np.uint8)) == []


def test_blank_pictures_have_no_texture_to_compare() -> None:
    assert near_pairs(np.full((3, SIDE, SIDE), 128, np.uint8)) == []


def test_pairs_are_found_across_blocks() -> None:
    greys = np.stack([surface(seed, SIDE) for seed in range(20)] + [surface(3, SIDE)])
    whole = near_pairs(greys)
    assert near_pairs(greys, block_size=4) == whole
    assert [(pair.first, pair.second) for pair in whole] == [(3, 20)]


def test_swapped_labels_are_found(found: dict[str, list[Path]]) -> None:
    features = separable_features(found)
    features[[5, 40]] = features[[40, 5]]
    (finding,) = checked(found, features)
    assert finding.kind == "mislabelled"
    assert {path for (path,) in finding.groups} == {found["defected"][5], found["healthy"][10]}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]], []),
        ([[0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.2, 0.8]], [1]),
        # An uncertain image is not suspect: it reaches no threshold.
        ([[0.9, 0.1], [0.45, 0.55], [0.1, 0.9], [0.2, 0.8]], []),
    ],
)
def test_suspects_follow_confident_learning(scores: list[list[float]], expected: list[int]) -> None:
    assert suspects(np.array(scores), np.array([0, 0, 1, 1])).tolist() == expected


def dataset(*counts: int) -> Dataset:
    images = [
        LabelledImage(Path(f"{label}-{number}"), label, Split.TRAIN, number / count)
        for label, count in enumerate(counts)
        for number in range(count)
    ]
    return Dataset(tuple(f"label{index}" for index in range(len(counts))), tuple(images))


@pytest.mark.parametrize(
    ("counts", "few", "uneven"),
    [
        ((20, 199), [], False),
        ((20, 200), [], True),
        ((19, 20), ["label0"], False),
        ((5, 5, 50), ["label0", "label1"], True),
    ],
)
def test_few_images_and_imbalance_are_found(
    counts: tuple[int, ...], few: list[str], uneven: bool
) -> None:
    messages = [finding.message for finding in too_few(dataset(*counts))]
    assert [
        label for label in ("label0", "label1") if any(label in text for text in messages)
    ] == few
    assert bool(list(imbalance(dataset(*counts)))) is uneven


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ([(100, 200), (50, 100)], 0),
        ([(100, 200), (100, 299)], 0),
        ([(100, 200), (100, 301)], 1),
        ([], 0),
    ],
)
def test_different_aspect_ratios_are_found(sizes: list[tuple[int, int]], count: int) -> None:
    assert len(list(mixed_shapes({Path(str(i)): size for i, size in enumerate(sizes)}))) == count


def test_near_duplicates_can_be_kept_together(
    found: dict[str, list[Path]], tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A chain: the third resembles the second, which resembles the first."""
    chain = found["healthy"][2:12]
    for step, path in enumerate(chain):
        write(path, (surface(5000) * (1 - step / 40)).astype(np.uint8))
    greys = summarize_images(
        {path: path.read_bytes() for label in found for path in found[label]}
    ).greys
    (group,) = duplicate_groups(greys)
    assert group == chain

    apart, together = split(found), split(found, groups=[group])
    splits = [
        {each.split for each in dataset.images if each.path in chain}
        for dataset in (apart, together)
    ]
    assert (len(splits[0]) > 1, len(splits[1])) == (True, 1)
    rows = [row for row, each in enumerate(together.images) if each.path in chain]
    assert len(set(assign_folds(together, 5)[rows])) == 1

    folder, runs = chain[0].parents[1], tmp_path_factory.mktemp("runs")
    for options, expected in (([], True), (["--group-near-duplicates"], False)):
        run_dir = runs / f"run{len(options)}"
        arguments = ["-o", run_dir, "--backbone", tiny_backbone, *options]
        trained = CliRunner().invoke(main, ["train", *map(str, [folder, *arguments])])
        assert trained.exit_code == 0, trained.output
        assert ("in different splits" in (run_dir / "report.html").read_text()) is expected


def test_a_second_check_decodes_nothing(
    found: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [path for label in found for path in found[label]]
    digests = {path: hashlib.sha256(path.read_bytes()).digest() for path in paths}
    first = summarize_images(digests)
    monkeypatch.setattr("partsight.image_files.read.decode", None)
    again = summarize_images(digests)
    assert first.sizes == again.sizes == dict.fromkeys(paths, (96, 96))
    assert all((first.greys[path] == again.greys[path]).all() for path in paths)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["check-data", *map(str, arguments)])


def test_the_command_prints_and_writes_all_findings(
    found: dict[str, list[Path]], tiny_backbone: Path, tmp_path: Path
) -> None:
    folder = found["healthy"][0].parents[1]
    found["healthy"][0].write_bytes(found["defected"][0].read_bytes())
    page = tmp_path / "check.html"

    result = run(folder, "--backbone", tiny_backbone, "-o", page)

    assert result.exit_code == 1, result.output
    assert "error: duplicate across labels: 2 images in 1 group" in result.stdout
    html = page.read_text()
    assert html.count("data:image/jpeg;base64,") >= 2
    assert "healthy/00.jpg" in html
    assert "<script" not in html


def test_unreadable_pictures_are_named(found: dict[str, list[Path]], tiny_backbone: Path) -> None:
    folder = found["healthy"][0].parents[1]
    found["healthy"][0].write_bytes(b"no image")

    result = run(folder, "--backbone", tiny_backbone, "--json")

    assert result.exit_code == 3
    facts = json.loads(result.stdout)
    unreadable = [each for each in facts["findings"] if each["kind"] == "unreadable"]
    assert [each["severity"] for each in unreadable] == ["error"]
    assert str(found["healthy"][0]) in unreadable[0]["message"]
    assert facts["splits"]["healthy"].keys() == {"train", "validation", "test"}


def test_a_folder_that_cannot_be_divided_is_an_error_in_one_line(
    tmp_path: Path, tiny_backbone: Path
) -> None:
    for label in LABELS:
        write(tmp_path / label / "only.jpg", surface(0))
    result = run(tmp_path, "--backbone", tiny_backbone)
    assert result.exit_code == 1
    assert "expected 3 or more" in result.stderr


def test_names_are_escaped_on_the_page(tmp_path: Path) -> None:
    bold = Path("<b>bold</b>.jpg")
    finding = Finding("mislabelled", Severity.WARNING, "<i>look</i>", ((bold,),))
    html = findings_html([finding], tmp_path, {"<u>": {"train": 1, "validation": 0, "test": 0}})
    assert "file not found" in html
    assert not any(tag in html for tag in ("<b>bold", "<i>", "<u>"))


def test_pictures_without_contrast_are_named(found: dict[str, list[Path]]) -> None:
    planted = {
        "black": np.zeros((96, 96), np.uint8),
        "white": np.full((96, 96), 255, np.uint8),
        "noise": np.random.default_rng(0).normal(90, 4, (96, 96)).clip(0, 255).astype(np.uint8),
    }
    for name, pixels in planted.items():
        found["healthy"].append(write(found["healthy"][0].with_name(f"{name}.png"), pixels))
    features = np.random.default_rng(0).normal(size=(63, 8)).astype(np.float32)
    (finding,) = [each for each in checked(found, features) if each.kind == "flat"]
    assert {path.stem for (path,) in finding.groups} == set(planted)
    assert finding.severity is Severity.WARNING
    assert "3 images with practically no contrast" in finding.message


def plain(level: float) -> NDArray[np.uint8]:
    """A grey image whose contrast is about ``level``."""
    return np.tile(np.linspace(100, 100 + level / 0.85, 96), (96, 1)).round().astype(np.uint8)


@pytest.mark.parametrize(
    ("good", "bad", "min_contrast", "kinds"),
    [
        (60, 60, None, set()),
        (60, 0, None, {"flat"}),  # black bad parts among good ones that are not flat
        (4, 4, None, {"low contrast"}),
        (4, 0, None, {"flat", "low contrast"}),
        (4, 4, 10.0, {"flat"}),
        (4, 4, 0.0, set()),
    ],
)
def test_one_answer_for_parts_of_little_contrast(
    good: float, bad: float, min_contrast: float | None, kinds: set[str]
) -> None:
    greys = {Path(f"good{n}"): plain(good) for n in range(9)}
    greys |= {Path(f"bad{n}"): plain(bad) for n in range(9)}

    findings = list(flat(greys, [path for path in greys if "good" in path.name], min_contrast))

    assert {each.kind for each in findings} == kinds
    said = " ".join(each.message for each in findings)
    assert not ("lower --min-contrast" in said and "training lowers" in said)
    assert min_contrast is None or "lower --min-contrast" not in said
