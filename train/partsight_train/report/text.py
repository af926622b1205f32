"""Numbers and names as text for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from partsight.utils.counts import counted
from partsight.utils.printable import printable
from partsight_train.report.estimate import Estimate

__all__ = ["FILTERS"]

_NONE = "–"
_NO_BREAK = "\N{NO-BREAK SPACE}"
_MOST_DIGITS = 4


def percent(share: float | Estimate | None, digits: int = 1) -> str:
    """A share in percent. Only 1 is shown as 100 %, and only 0 as 0 %."""
    if share is None:
        return _NONE
    return f"{_percentage(_value(share), digits)}{_NO_BREAK}%"


def change(share: float | None) -> str:
    """A change of a share in percentage points, with its sign; no change is 0."""
    if share is None:
        return _NONE
    points = f"{100 * share:+.2f}" if share else "0"
    return f"{points}{_NO_BREAK}points"


def percents(shares: Sequence[float]) -> str:
    """Shares that a user gave, in percent, with all given digits."""
    return ", ".join(f"{100 * share:.6g}" for share in shares) + f"{_NO_BREAK}%"


def percent_range(interval: Sequence[float] | Estimate | None) -> str:
    """An interval of shares in percent."""
    if interval is None:
        return _NONE
    low, high = _ends(interval)
    return f"{100 * low:.1f} to {100 * high:.1f}{_NO_BREAK}%"


def number(value: float | Estimate | None, digits: int = 3) -> str:
    """A number with ``digits`` decimals; more if it would be rounded to 0 or 1."""
    if value is None:
        return _NONE
    return f"{_value(value):.{_digits(_value(value), digits, (0, 1))}f}"


def number_range(interval: Sequence[float] | Estimate | None, digits: int = 3) -> str:
    """An interval of numbers."""
    if interval is None:
        return _NONE
    low, high = _ends(interval)
    return f"{low:.{digits}f} to {high:.{digits}f}"


def size(count: int) -> str:
    """A number of bytes in decimal units."""
    if count < 1000:
        return f"{count}{_NO_BREAK}B"
    power = min(3, int(math.log10(count) // 3))
    return f"{count / 1000**power:.1f}{_NO_BREAK}{('kB', 'MB', 'GB')[power - 1]}"


def as_json(document: Mapping[str, Any]) -> str:
    """A document as readable JSON."""
    return json.dumps(document, indent=2, default=str)


def _ends(interval: Sequence[float] | Estimate) -> tuple[float, float]:
    if isinstance(interval, Estimate):
        return interval.low, interval.high
    low, high = interval
    return low, high


def _value(figure: float | Estimate) -> float:
    return figure.value if isinstance(figure, Estimate) else figure


def _percentage(share: float, digits: int = 1) -> str:
    if share in (0, 1):
        return f"{100 * share:.0f}"
    return f"{100 * share:.{_digits(100 * share, digits, (0, 100))}f}"


def _digits(value: float, digits: int, ends: tuple[float, float]) -> int:
    """The number of decimals with which a value is not rounded to an end of its scale."""
    while digits < _MOST_DIGITS and value not in ends and round(value, digits) in ends:
        digits += 1
    return digits


FILTERS = {
    "as_json": as_json,
    "change": change,
    "counted": counted,
    "number": number,
    "number_range": number_range,
    "percent": percent,
    "percent_range": percent_range,
    "percents": percents,
    "printable": printable,
    "size": size,
}
