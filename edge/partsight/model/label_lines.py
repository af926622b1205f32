"""Labels from lines of which each may have the index of its output, before the label or behind."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from partsight.model.label_indexes import by_index

__all__ = ["INDEX_FIRST", "labels_of_lines"]

# ``0 ok``, ``0: ok``, ``0,ok``, ``0=ok``, ``0. ok``, ``0) ok``, ``[0] ok``, with a tab; in quotes.
INDEX_FIRST = re.compile(
    r"""[\[("']?(?P<index>\d+)[\])"']?
    (?:\s*[:=,;|\t]>?\s*|\s*->\s*|\s*[-–—.)]\s+|\s+|(?<=[\])]))(?P<label>\S.*)""",
    re.VERBOSE,
)
# ``ok 0``, ``ok: 0``, ``ok,0``, ``ok=0``, ``ok [0]``.
_INDEX_LAST = re.compile(r"(?P<label>\S.*?)(?:\s*[:=,;|\t]\s*|\s+)\[?(?P<index>\d+)\]?")
_NUMBER = re.compile(r"\d+")

_Pair = tuple[int, str]
_HINT = "Write an index in front of every label, as in '0 healthy'"


def labels_of_lines(lines: Sequence[str]) -> list[str]:
    """The labels in the order of their outputs: of the lines, or of the indexes that all have.

    Raises:
        ValueError: an index is missing or there twice, or only some lines have one.
    """
    first = _found(INDEX_FIRST, lines)
    if len(first) == len(lines) and not _is_numbered(first):
        return by_index(first.values())
    if not _is_numbered(first):
        # Several numbers in front may be indexes that begin beyond the number of lines.
        several = len(first) > 1 and 2 * len(first) >= len(lines)
        _require_no_index(first, lines, 2 * len(lines) if several else len(lines) - 1)
    last = _found(_INDEX_LAST, lines)
    if len(last) == len(lines) and not _is_numbered(last) and 0 in dict(last.values()):
        return by_index(last.values())
    if not _is_numbered(last):
        # In its own place, a number says nothing else than the order of the lines.
        others = {n: pair for n, pair in last.items() if n not in _places(pair)}
        _require_no_index(others, lines, len(lines))
    _require_ascending(lines, 0)
    _require_ascending(lines, -1)
    return list(lines)


def _places(pair: _Pair) -> tuple[int, int]:
    """Of a line whose index is right where it is, counted from 0 or from 1."""
    return pair[0], pair[0] - 1


def _found(form: re.Pattern[str], lines: Sequence[str]) -> dict[int, _Pair]:
    """Index and label of each line of this form, by the line's number from 0."""
    matches = {number: form.fullmatch(line) for number, line in enumerate(lines)}
    return {n: (int(match["index"]), match["label"]) for n, match in matches.items() if match}


def _is_numbered(pairs: dict[int, _Pair]) -> bool:
    """Whether numbers tell the labels apart: ``3 mm`` and ``5 mm``, ``camera 1``."""
    return len(pairs) > 1 and len({label for _, label in pairs.values()}) == 1


def _require_no_index(pairs: dict[int, _Pair], lines: Sequence[str], most: int) -> None:
    """Refuse lines of which some have a number, up to ``most``, that may be a label's place.

    ``good`` and ``10 mm scratch`` are labels: there are no ten lines. So are numbers above 0 in
    a few of many lines.
    """
    doubtful = {lines[number]: index for number, (index, _) in pairs.items() if index <= most}
    if doubtful and (2 * len(pairs) >= len(lines) or 0 in doubtful.values()):
        example = next(iter(doubtful))
        raise ValueError(f"some lines seem to have an index, such as {example!a}, not all. {_HINT}")


def _require_ascending(lines: Sequence[str], which: int) -> None:
    """Refuse ``1_bad`` before ``0_ok``: whether lines or numbers are in order is not known.

    Args:
        lines: none in a form with an index.
        which: of the numbers in each line: 0 for the first, -1 for the last.
    """
    matches = [list(_NUMBER.finditer(line)) for line in lines]
    if not all(matches):
        return
    chosen = [each[which] for each in matches]
    indexes = [int(match[0]) for match in chosen]
    rests = {match.string[: match.start()] + match.string[match.end() :] for match in chosen}
    are_places = len({*indexes}) == len(lines) and max(indexes) <= len(lines)
    if len(rests) > 1 and are_places and any(a > b for a, b in itertools.pairwise(indexes)):
        raise ValueError(
            f"the labels have numbers that are not in order, such as {lines[0]!a}. {_HINT}"
        )
