"""The text of the report, for runs of every kind."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from tests.train.run_records import NASTY_NAMES, record, scored, two_labels

from partsight.errors import ImageError
from partsight_train.report import RunRecord, report_html
from partsight_train.report.text import FILTERS

pytestmark = pytest.mark.usefixtures("drawn_charts")


class _Tags(HTMLParser):
    """Names of all tags and attributes, as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)


def text_of(page: str) -> str:
    """The visible text, including drawings, with single spaces."""
    body = page.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def sections_of(page: str) -> dict[str, str]:
    _, *pieces = re.split(r"<h2>(.*?)</h2>", page)
    texts = (text_of("<body>" + piece) for piece in pieces[1::2])
    return dict(zip(pieces[::2], texts, strict=True))


def required_only(record: RunRecord) -> RunRecord:
    """The record without optional values."""
    return RunRecord(record.metrics, record.provenance, record.on_validation, record.on_test)


def test_the_page_has_all_sections_in_order(tmp_path: Path) -> None:
    sections = sections_of(report_html(two_labels(tmp_path)))
    assert list(sections) == [
        "The delivered file on new parts",
        "Uncertainty",
        "Labels",
        "Curves of the delivered file",
        "Other thresholds",
        "Training",
        "Worst mistakes",
        "Images",
        "Origin of the model",
    ]
    assert "Expected calibration error" in sections["Curves of the delivered file"]
    assert "fine-tune , 1 epoch " in sections["Training"]
    assert "part7.png and part9.png show <the same>" in sections["Images"]
    assert "all 150 18 21 189" in sections["Images"]
    made = sections["Origin of the model"]
    for text in ("320 × 224 pixels", "4.0 MB 4,012,345", "8.0 GB", "features 12.3", "tiny"):
        assert text in made
    assert "partsight train parts -o run" in made


def test_the_headline_figures_of_a_hand_counted_case(tmp_path: Path) -> None:
    good = [0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9]
    test = scored([0, 0, 0, 0, 1, 1, 1, 1], [[1 - g, g] for g in good], tmp_path)
    headline, uncertainty, labels, *_ = sections_of(
        report_html(record(("b", "g"), test, ("g",)))
    ).values()
    # The threshold is halfway between 0.6, the score of the worst bad part, and 0.7.
    assert "accept above 0.6500" in headline
    assert "Bad parts not accepted (recall) 100 % 95 % interval 39.8 to 100.0 %" in headline
    assert "4 of 4 bad parts; 0 accepted" in headline
    assert "false rejects) 25.0 % 95 % interval 0.6 to 80.6 % 1 of 4 good parts" in headline
    assert "accuracy) 75.0 % 95 % interval 34.9 to 96.8 % 6 of 8 images" in headline
    assert "(AUC) 0.938" in headline
    assert "bad parts 0 1 3 4 good parts 3 0 1 4" in headline
    assert "recall of at least 39.8 %" in headline
    assert "of which 50.0 % are bad (the share in the test split" in headline
    assert "0.0 escapes (95 % interval 0.0 to 301.2)" in headline
    assert "125.0 false rejects" in headline
    assert "recall of bad parts 100 % 39.8 to 100.0 % 100.0 to 100.0 %" in uncertainty
    assert "several images of one part" not in uncertainty
    assert "true \\ predicted b g b 3 1 g 1 3" in labels
    assert "same label 100 % change of accuracy 0 points" in labels


def test_parity_shows_losses_and_gains(tmp_path: Path) -> None:
    run = two_labels(tmp_path)
    parity = {
        "agreement": 0.975,
        "accuracy_loss": 0.0125,
        "recall_loss": {"b<ad": 0.05, "good": -0.025, "rare": None},
        "mean_difference": 0.0123,
        "max_difference": 0.4567,
    }
    metrics = {**run.metrics, "int8": {**run.metrics["int8"], "parity": parity}}
    labels = sections_of(report_html(dataclasses.replace(run, metrics=metrics)))["Labels"]
    for words in (
        "same label 97.5 % change of accuracy -1.25 points",
        "change of the recall of b<ad -5.00 points",
        "change of the recall of good +2.50 points",
        "change of the recall of rare –",
        "mean difference of scores 0.0123 largest difference of scores 0.4567",
    ):
        assert words in labels


def test_the_same_record_gives_the_same_page(tmp_path: Path) -> None:
    assert report_html(two_labels(tmp_path)) == report_html(two_labels(tmp_path))


@pytest.mark.parametrize("make", [two_labels, lambda folder: required_only(two_labels(folder))])
def test_the_page_has_no_scripts_or_external_references(
    make: Callable[[Path], RunRecord], tmp_path: Path
) -> None:
    page = report_html(make(tmp_path))
    references = re.findall(r"""(?:src|href|xlink:href|url)\s*[=(]\s*["']?([^"')\s]+)""", page)
    assert references
    assert [r for r in references if not r.startswith(("data:image/jpeg;base64,", "#"))] == []
    assert "<script" not in page
    assert "@import" not in page
    # XML namespaces are never fetched.
    assert set(re.findall(r'https?://[^"\s<]*', page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert {r[1:] for r in references if r.startswith("#")} <= set(ids)


def test_file_names_and_labels_may_be_any_text(tmp_path: Path) -> None:
    labels = tuple(sorted(name.removesuffix(".png").replace("\n", "") for name in NASTY_NAMES))
    labels = tuple(label.replace("\udcff", "").replace("\u202e", "") for label in labels)
    count = len(labels)
    true = np.arange(count)
    scores = np.roll(np.eye(count), 1, axis=1)
    test = scored(true, scores, tmp_path, NASTY_NAMES)
    splits = {label: {"train": 1} for label in labels}
    page = report_html(record(labels, test, labels[:2], splits=splits, findings=NASTY_NAMES))

    text = text_of(page)
    for label in labels:
        assert " ".join(label.split()) in text
    assert "two\\nlines.png" in text
    assert "right-to-\\u202eleft.png" in text
    assert "no-unicode-\\udcff.png" in text
    page.encode("utf-8")
    tags = _Tags()
    tags.feed(page)
    assert "script" not in tags.names
    assert [name for name in tags.attributes if name.startswith("on")] == []
    assert page.count('<figure class="mistake">') == count


@pytest.mark.parametrize(
    ("true", "accept_labels", "present", "absent"),
    [
        ([0, 1, 1, 0], (), ["Name the labels of good parts"], ["Verdicts on", "ROC curve."]),
        ([0, 0, 0, 0], ("good",), ["need images of good and of bad"], ["ROC curve."]),
        ([1, 1, 1, 1], ("good",), ["need images of good and of bad"], ["can prove"]),
        ([], ("good",), ["or there are no test images"], ["Reliability.", "ROC curve."]),
        ([1], ("bad", "good"), ["0 of 0 bad parts"], ["ROC curve."]),
    ],
)
def test_missing_pictures_or_labels_are_explained(
    true: list[int],
    accept_labels: tuple[str, ...],
    present: list[str],
    absent: list[str],
    tmp_path: Path,
) -> None:
    scores = [[0.8, 0.2], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]][: len(true)]
    test = scored(true, np.reshape(scores, (-1, 2)), tmp_path)
    if not true:
        test = dataclasses.replace(test, scores=np.zeros((0, 2)))
        full = two_labels(tmp_path)
        figures = record(("bad", "good"), scored([1], [[0, 1]], tmp_path), accept_labels).metrics
        run = dataclasses.replace(required_only(full), metrics=figures, on_test=test)
    else:
        run = required_only(record(("bad", "good"), test, accept_labels))
    text = text_of(report_html(run))
    assert [words for words in present if words not in text] == []
    assert [words for words in absent if words in text] == []


def test_many_labels_have_a_list_of_confusions(tmp_path: Path) -> None:
    labels = tuple(f"kind{index:02d}" for index in range(30))
    true = np.repeat(np.arange(30), 2)
    scores = np.eye(30)[true]
    scores[0], scores[1] = np.eye(30)[7], np.eye(30)[7]
    section = sections_of(report_html(record(labels, scored(true, scores, tmp_path), ("kind00",))))
    assert "true predicted images kind00 kind07 2 " in section["Labels"]


def test_long_labels_are_numbered(tmp_path: Path) -> None:
    labels = ("scratched near the edge", "good")
    test = scored([0, 1], np.eye(2), tmp_path)
    section = sections_of(report_html(record(labels, test, ("good",))))
    assert "true \\ predicted 1 2 1 scratched near the edge 1 0 2 good 0 1" in section["Labels"]


def test_several_pictures_of_a_part_are_mentioned(tmp_path: Path) -> None:
    run = two_labels(tmp_path)
    paths = [tmp_path / f"p_nohash_{index}.png" for index in range(len(run.on_test.paths))]
    shots = dataclasses.replace(run.on_test, paths=tuple(paths))
    text = text_of(report_html(dataclasses.replace(run, on_test=shots)))
    assert "several images of one part" in text


def test_parts_and_notes_on_the_folder_are_shown(tmp_path: Path) -> None:
    run = two_labels(tmp_path)
    part_hashes = {path: index // 2 / 100 for index, path in enumerate(run.on_test.paths)}
    with_parts = dataclasses.replace(
        run,
        part_hashes=part_hashes,
        parts={"bad": 7, "good": 13},
        notes=("20 parts by sub-folder",),
    )

    page = report_html(with_parts)

    assert "several images of one part" not in text_of(report_html(run))
    assert "several images of one part" in text_of(page)
    assert "Parts: bad 7, good 13" in text_of(page)
    assert "20 parts by sub-folder" in sections_of(page)["Images"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "no defect rate was given"),
        ({"defect_rate": 0.02}, "the given defect rate of the line"),
    ],
)
def test_the_source_of_the_defect_rate_is_shown(
    settings: dict[str, float], words: str, tmp_path: Path
) -> None:
    run = two_labels(tmp_path)
    provenance = {**run.provenance, "settings": {"backbone": "tiny", **settings}}
    section = sections_of(report_html(dataclasses.replace(run, provenance=provenance)))
    assert words in section["Other thresholds"]
    if settings:
        assert "In 1,000 parts of which 2.0 % are bad" in text_of(
            report_html(dataclasses.replace(run, provenance=provenance))
        )


def test_a_missing_picture_has_a_placeholder(tmp_path: Path) -> None:
    run = two_labels(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()

    def gone(path: Path, label: int) -> np.ndarray:
        raise ImageError("no such file")

    page = report_html(dataclasses.replace(run, maps=gone))
    assert "file not found" in page
    assert "<img" not in page


def test_without_a_map_only_the_picture_is_shown(tmp_path: Path) -> None:
    run = dataclasses.replace(two_labels(tmp_path), maps=lambda path, label: None)
    page = report_html(run)
    assert page.count("<img") == page.count('<div class="pair alone">') > 0
    assert "HiResCAM" not in page


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("percent", None, "–"),
        ("percent", 0.9788, "97.9 %"),
        ("percent", 1, "100 %"),
        ("percent", 0, "0 %"),
        ("percent", 0.9996, "99.96 %"),
        ("percent", 0.0004, "0.04 %"),
        ("percent_range", (0.905, 1.0), "90.5 to 100.0 %"),
        ("percent_range", None, "–"),
        ("percents", (0.9, 0.995, 1.0), "90, 99.5, 100 %"),
        ("change", None, "–"),
        ("change", 0.0, "0 points"),
        ("change", -0.0, "0 points"),
        ("change", 0.0068, "+0.68 points"),
        ("change", -0.027, "-2.70 points"),
        ("number", 0.9996, "0.9996"),
        ("number", 1.0, "1.000"),
        ("number", 12.3456, "12.346"),
        ("number_range", (0.9631, 0.99999), "0.963 to 1.000"),
        ("size", 999, "999 B"),
        ("size", 1000, "1.0 kB"),
        ("size", 999_949, "999.9 kB"),
        ("size", 4_012_345, "4.0 MB"),
        ("size", 0, "0 B"),
        ("printable", "a\tb\x1b", "a\\tb\\x1b"),
    ],
)
def test_filters_format_numbers_and_names(name: str, value: object, text: str) -> None:
    assert FILTERS[name](value).replace("\N{NO-BREAK SPACE}", " ") == text
