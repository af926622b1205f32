"""Columns, selection and shortening of result rows, for every engine."""

from __future__ import annotations

from typing import Any

from partsight.records import ImageResult
from partsight.results.base import Row

__all__ = ["OUTCOMES", "outcome", "result_columns", "result_row", "shortened"]

OUTCOMES = ("accept", "reject", "review", "error")


def result_row(result: ImageResult, *, details: bool) -> dict[str, Any]:
    """The row of a result; with the size, time and digest of its file if ``details``."""
    return result.row() | (result.details() if details else {})


def result_columns(*, details: bool) -> list[str]:
    """The columns of ``result_row``."""
    return list(result_row(ImageResult("", ""), details=details))


def outcome(row: Row) -> str:
    """One of ``OUTCOMES``: the verdict, or ``error`` if there is none."""
    return "error" if row["verdict"] is None else str(row["verdict"])


def shortened(row: Row, top_k: int | None) -> Row:
    """The row with its ``top_k`` highest scores, in the model's order of labels."""
    if top_k is None or row["scores"] is None:
        return row
    best = sorted(row["scores"], key=row["scores"].__getitem__, reverse=True)[:top_k]
    return {
        **row,
        "scores": {label: row["scores"][label] for label in row["scores"] if label in best},
    }
