"""Good images truncated, with flipped bits, and with removed or repeated bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from tests.corpus.entry import Entry, Outcome
from tests.corpus.wholes import WHOLES, Whole

__all__ = ["damaged", "empty"]

# Bytes that hold what a decoder must know before the first pixel.
_HEADER = 48
_SEEDS = 3
_ENDINGS = ("jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff", "gif", "ppm", "pgm")

_Change = Callable[[bytearray, np.random.Generator], None]


def empty() -> Iterator[Entry]:
    """Nothing at all, under each ending."""
    for ending in _ENDINGS:
        yield Entry(f"empty.{ending}", "empty", "a file of no bytes", b"", "refused")


def damaged() -> Iterator[Entry]:
    """All kinds of damage to all good images."""
    for number, whole in enumerate(WHOLES):
        yield from _cut(whole)
        for seed in range(_SEEDS):
            rng = np.random.default_rng([number, seed])
            yield _changed(whole, "flipped", f"bits of the header, {seed}", _flip_header, rng)
            yield _changed(whole, "flipped", f"bits of the body, {seed}", _flip_body, rng)
        yield _changed(whole, "removed", "bytes of the middle", _remove, rng)
        yield _changed(whole, "doubled", "bytes of the middle", _double, rng)


def _cut(whole: Whole) -> Iterator[Entry]:
    length = len(whole.data)
    of_pixels: Outcome = "refused" if whole.frames == 1 else "either"
    cuts: tuple[tuple[str, int, Outcome], ...] = (
        ("after one byte", 1, "refused"),
        ("in the signature", 3, "refused"),
        ("in the header", 11, "refused"),
        ("after a quarter", length // 4, of_pixels),
        ("in the middle", length // 2, of_pixels),
        ("after nine tenths", length * 9 // 10, of_pixels),
        ("just before the end", length - 1, "either"),
    )
    for where, at, outcome in cuts:
        name = f"cut-{whole.name}-{where.replace(' ', '-')}.{whole.ending}"
        reason = f"{whole.name} {whole.ending} cut off {where}, {at} of {length} bytes"
        yield Entry(name, "cut", reason, whole.data[:at], outcome)


def _changed(
    whole: Whole, kind: str, what: str, change: _Change, rng: np.random.Generator
) -> Entry:
    data = bytearray(whole.data)
    change(data, rng)
    name = f"{kind}-{whole.name}-{what.replace(',', '').replace(' ', '-')}.{whole.ending}"
    return Entry(name, kind, f"{whole.name} {whole.ending} with {what} {kind}", bytes(data))


def _flip_header(data: bytearray, rng: np.random.Generator) -> None:
    _flip(data, rng.integers(2, min(_HEADER, len(data)), 4), rng)


def _flip_body(data: bytearray, rng: np.random.Generator) -> None:
    _flip(data, rng.integers(min(_HEADER, len(data) // 2), len(data), 8), rng)


def _flip(data: bytearray, places: np.ndarray, rng: np.random.Generator) -> None:
    for place in places:
        data[place] ^= 1 << int(rng.integers(8))


def _remove(data: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(data) // 4, len(data) // 2))
    del data[start : start + int(rng.integers(1, 40))]


def _double(data: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(data) // 4, len(data) // 2))
    data[start:start] = data[start : start + int(rng.integers(1, 40))]
