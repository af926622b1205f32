"""Images with good pixels and damaged EXIF: most must decode."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from tests.corpus.entry import Entry, Outcome
from tests.corpus.formats import Tag, ascii_tag, longs, rational, shorts, tiff
from tests.corpus.wholes import SIZE_WH, encoded, photo

__all__ = ["odd_exif"]

_TURNED_WH = SIZE_WH[::-1]
_ORIENTATION, _EXIF, _GPS = 274, 34665, 34853
_NAN = [rational(282, 0, 0), rational(283, 1, 0), rational(33434, 0, 0)]
_TURN = shorts(_ORIENTATION, 6)

_DIRECTORIES: dict[str, tuple[Sequence[Tag], str]] = {
    "nan": (_NAN, "rationals of 0/0 and 1/0"),
    "nan-turned": ([_TURN, *_NAN], "rationals of 0/0 and 1/0 on a turned picture"),
    "nan-double": ([Tag(282, 12, 1, struct.pack("<d", float("nan")))], "a double that is NaN"),
    "inf-float": ([Tag(282, 11, 1, struct.pack("<f", float("inf")))], "an infinite float"),
    "infinite-turned": ([_TURN, Tag(283, 11, 1, struct.pack("<f", float("inf")))], "both"),
    "orientation-0": ([shorts(_ORIENTATION, 0)], "orientation 0"),
    "orientation-9": ([shorts(_ORIENTATION, 9)], "orientation 9"),
    "orientation-65535": ([shorts(_ORIENTATION, 65_535)], "orientation 65,535"),
    "orientation-text": ([ascii_tag(_ORIENTATION, b"six")], "an orientation that is text"),
    "orientation-two": ([shorts(_ORIENTATION, 6, 8)], "two orientations"),
    "orientation-none": ([Tag(_ORIENTATION, 3, 0, b"")], "an orientation of no value"),
    "orientation-nan": ([rational(_ORIENTATION, 0, 0)], "an orientation of 0/0"),
    "ifd-itself": ([_TURN, longs(_EXIF, 8)], "a directory that is below itself"),
    "ifd-beyond": ([_TURN, longs(_EXIF, 2**32 - 2)], "a directory beyond the end"),
    "gps-beyond": ([_TURN, longs(_GPS, 2**31)], "a place beyond the end"),
    "text-not-utf8": ([_TURN, ascii_tag(271, b"\xff\xfe\xc3(\n")], "a maker that is no UTF-8"),
    "text-of-4-GB": ([_TURN, Tag(271, 2, 2**32 - 1, bytes(4))], "a maker of 4 GB"),
    "type": ([_TURN, Tag(272, 77, 1, bytes(4))], "a value of a type that is none"),
}


def odd_exif() -> Iterator[Entry]:
    """Each directory in JPEG, PNG and WebP, which carry EXIF in different ways."""
    for name, (tags, reason) in _DIRECTORIES.items():
        # Of two orientations the first counts.
        turned = tags[0].number == _ORIENTATION and tags[0].payload[:2] == _TURN.payload
        wh = _TURNED_WH if turned else SIZE_WH
        for kind, ending in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")):
            data = encoded(photo(), kind, exif=b"Exif\0\0" + tiff(tags))
            yield Entry(f"exif-{name}.{ending}", "exif", f"EXIF with {reason}", data, "good", wh)
    whole = b"Exif\0\0" + tiff([_TURN, *_NAN])
    for length in (6, 8, 12, 15, 20, 40):
        yield _one("cut", f"EXIF cut off after {length} bytes", whole[:length], str(length))
    yield _one("noise", "EXIF of noise", b"Exif\0\0" + bytes(range(256)), "bytes")
    yield _one("order", "EXIF of no byte order", whole[:6] + b"XX" + whole[8:], "XX")
    endless = whole[:16] + struct.pack("<I", 8) * 16_000
    yield _one("loop", "EXIF whose directories are filled with their own place", endless, "8")


def _one(name: str, reason: str, exif: bytes, which: str, outcome: Outcome = "good") -> Entry:
    data = encoded(photo(), "JPEG", exif=exif)
    return Entry(f"exif-{name}-{which}.jpg", "exif", reason, data, outcome)
