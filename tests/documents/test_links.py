"""Links in the pages: files that exist, headings that exist, web addresses that are well formed."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from tests.documents.pages import PAGES, ROOT, without_code

LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    for link in LINK.findall(without_code(PAGES[name])):
        if "://" in link:
            address = urlsplit(link)
            assert address.scheme == "https", link
            assert "." in address.netloc, link
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), f"{name}: {link}"
        if anchor:
            page = str(target.resolve().relative_to(ROOT))
            assert anchor in anchors(PAGES[page]), f"{name}: {link}"


def test_the_readme_is_short() -> None:
    assert len(PAGES["README.md"].splitlines()) <= 150
