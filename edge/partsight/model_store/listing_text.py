"""Kept models as lines for people, and as JSON values: what ``partsight model list`` prints."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from partsight.model_store.listing import Listed
from partsight.utils.printable import printable

__all__ = ["document_of", "lines_of", "wrapped"]


def document_of(row: Listed) -> dict[str, Any]:
    """A kept model as plain JSON values, the facts of its file among the others."""
    document = dataclasses.asdict(row)
    return {**document, **document.pop("facts")}


def lines_of(row: Listed) -> Iterator[str]:
    """A kept model for people: its digest, and below it a line per fact."""
    mark = "*" if row.active else "-" if row.rollback else " "
    yield f"{mark} {row.sha256[:12]}  {row.activated_at or 'never active'}"
    for name, fact in _facts_of(row):
        yield from wrapped(f"    {name:<10}", printable(fact))


def _facts_of(row: Listed) -> Iterator[tuple[str, str]]:
    facts = row.facts
    if row.damage:
        yield "DAMAGED", row.damage
        return
    yield "name", facts.name or "none"
    yield "product", facts.product or "none"
    yield "version", facts.version or "none"
    yield "accuracy", _accuracy_of(row)
    trained = " ".join(filter(None, [facts.trained_at, facts.trained_on and "on"]))
    yield "trained", f"{trained} {facts.trained_on or ''}".strip() or "unknown"
    yield "came from", row.came_from or "unknown"
    yield "labels", ", ".join(row.labels)


def _accuracy_of(row: Listed) -> str:
    facts, told = row.facts, []
    if facts.accuracy is not None and facts.test_images is not None:
        told.append(f"{facts.accuracy:.2%} of {facts.test_images} test images")
    accepted = row.acceptance or {}
    if accepted.get("accuracy") is not None:
        told.append(f"{accepted['accuracy']:.2%} of {accepted['images']} in the acceptance set")
    return "; ".join(told) or "not in the file"


def wrapped(head: str, text: str, below: str | None = None) -> list[str]:
    """On a terminal within 80 columns, the text below itself or indented; in a pipe one line."""
    if not sys.stdout.isatty():
        return [head + text]
    return textwrap.wrap(
        text,
        80,
        initial_indent=head,
        subsequent_indent=" " * len(head) if below is None else below,
        break_on_hyphens=False,
    ) or [head]
