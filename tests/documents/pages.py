"""The Markdown pages of the repository, and the code blocks in them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["PAGES", "ROOT", "code_blocks", "without_code"]

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("models/*.md")])
    if "_build" not in path.parts
}
_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def code_blocks(text: str, language: str) -> list[str]:
    """The contents of the fenced code blocks of a page in one language."""
    return [content for found, content in _BLOCK.findall(text) if found == language]


def without_code(text: str) -> str:
    """A page without its fenced code blocks."""
    return _BLOCK.sub("", text)
