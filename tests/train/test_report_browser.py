"""The report in a real browser: complete, without errors, fits a screen and A4 paper.

Skipped without Chromium or playwright; fails instead with ``PARTSIGHT_REQUIRE_BROWSER=1``.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train.run_records import NASTY_NAMES, record, scored, two_labels

from partsight_train.report import report_html

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("drawn_charts")]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Rounding of a browser's sub-pixel layout.
_PIXEL = 1


def _missing(reason: str) -> None:
    if os.environ.get("PARTSIGHT_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, but PARTSIGHT_REQUIRE_BROWSER=1 requires it")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    executable = next((path for path in map(shutil.which, _NAMES) if path), None)
    if executable is None:
        _missing(f"no browser on the path, none of {', '.join(_NAMES)}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    with sync_playwright() as playwright:
        # The sandbox of Chromium refuses root, the user of tests in containers.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=executable, args=options)
        yield started
        started.close()


@pytest.fixture(scope="module", params=["two labels", "nasty names", "thirty labels"])
def page_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    if request.param == "two labels":
        run = two_labels(folder, count=300)
    elif request.param == "nasty names":
        count = len(NASTY_NAMES)
        labels = tuple(f"{'very-' * 12}long-<b>label-{index}" for index in range(count))
        scores = np.roll(np.eye(count), 1, axis=1)
        test = scored(np.arange(count), scores, folder, NASTY_NAMES)
        splits = {label: {"train": 123_456} for label in labels}
        run = record(labels, test, labels[:3], splits=splits, findings=NASTY_NAMES)
    else:
        labels = tuple(f"kind{index:02d}" for index in range(30))
        true = np.arange(90) % 30
        scores = np.eye(30)[(true + (np.arange(90) < 45)) % 30]
        run = record(labels, scored(true, scores, folder), ("kind00",))
    path = folder / "report.html"
    path.write_text(report_html(run), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_loads_without_errors_and_fits_the_screen(
    browser: Any, page_path: Path, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(page_path.as_uri())

    assert errors == []
    assert [url for url in requests if not url.startswith("data:")] == [page_path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Only elements that scroll on their own may be wider.
    too_wide = page.evaluate(
        """limit => [...document.body.querySelectorAll("*")]
        .filter(e => !e.closest(".scroll") && !e.closest("svg"))
        .filter(e => e.getBoundingClientRect().right > limit)
        .map(e => e.outerHTML.slice(0, 200))""",
        width + _PIXEL,
    )
    assert too_wide == []
    sizes = page.evaluate("[...document.images].map(i => [i.complete, i.naturalWidth])")
    assert [size for size in sizes if not (size[0] and size[1] > 0)] == []
    drawings = page.evaluate(
        "[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().height)"
    )
    assert drawings
    assert min(drawings) > 100
    page.close()


def test_references_inside_drawings_resolve(browser: Any, page_path: Path) -> None:
    page = browser.new_page()
    page.goto(page_path.as_uri())
    missing = page.evaluate(
        """[...document.querySelectorAll("use")].map(u => u.href.baseVal)
        .filter(h => !document.querySelector(h))"""
    )
    assert missing == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    page.close()


def test_the_printed_page_fits_a4(browser: Any, page_path: Path) -> None:
    page = browser.new_page()
    page.goto(page_path.as_uri())
    page.emulate_media(media="print")
    cut = page.evaluate(
        """[...document.querySelectorAll("figure, tr, .tile")]
        .filter(e => getComputedStyle(e).breakInside !== "avoid").length"""
    )
    assert cut == 0
    # 180 mm between A4's margins, at 96 dots an inch.
    page.set_viewport_size({"width": 680, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 680
    document = page.pdf(format="A4", prefer_css_page_size=True, print_background=True)
    assert document.startswith(b"%PDF-")
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", document)
    assert boxes
    for box in boxes:
        # A4 in points of 1/72 inch.
        assert [float(side) for side in box] == pytest.approx([595.3, 841.9], abs=1)
    page.close()
