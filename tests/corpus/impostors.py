"""Files whose ending does not match their content."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from tests.corpus.entry import Entry
from tests.corpus.wholes import SIZE_WH, WHOLES, encoded, photo

__all__ = ["impostors"]

_EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 100 100
%%EndComments
0 1 99 { 0 moveto 0 100 rlineto stroke } for
showpage
%%EOF
"""
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="9"/></svg>'
_NOT_IMAGES = {
    "text.jpg": (b"part 17 is fine\n", "a line of text"),
    "newlines.png": (b"\n" * 5000, "nothing but newlines"),
    "zeros.bmp": (bytes(100_000), "zeros, as a disk leaves after a power cut"),
    "ones.jpg": (b"\xff" * 100_000, "JPEG's fill bytes without end"),
    "page.jpg": (b"<!doctype html><title>404 Not Found</title>", "the error page of a server"),
    "document.png": (b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", "a PDF"),
    "drawing.png": (_SVG, "an SVG"),
    "program.gif": (b"\x7fELF\x02\x01\x01" + bytes(200), "a program"),
    "postscript.jpg": (_EPS, "EPS: it must not be given to Ghostscript"),
    "postscript.tif": (b"\xc5\xd0\xd3\xc6" + bytes(26) + _EPS, "EPS with a preview's header"),
    "pointer.jpg": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "what git leaves where a large file was not fetched",
    ),
    "apple-double.jpg": (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "a shadow file of macOS"),
    "signature.png": (b"\x89PNG\r\n\x1a\n", "a signature and nothing else"),
    "signature.gif": (b"GIF89a", "a signature and nothing else"),
    "signature.webp": (b"RIFF\x00\x00\x00\x00WEBP", "a signature and nothing else"),
    "sound.webp": (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28), "a RIFF that is sound"),
    "words.ppm": (b"P6 wide high 255\n" + bytes(50), "words where numbers are expected"),
    "escape.ppm": (b"P6 \x1b[2J\x1b[31mred 4 255\n" + bytes(50), "a header that steers terminals"),
    "long-number.pgm": (b"P5 " + b"9" * 5000 + b" 1 255\n", "a width of 5,000 digits"),
}


def impostors() -> Iterator[Entry]:
    """Files that are not images, and images of another format than their ending."""
    for name, (data, reason) in _NOT_IMAGES.items():
        yield Entry(f"no-picture-{name}", "no-picture", reason, data, "refused")
    yield Entry("no-picture-zip.jpg", "no-picture", "a zip", _archive(), "refused")
    for whole, ending in zip(WHOLES, ("png", "gif", "tif", "bmp") * len(WHOLES), strict=False):
        if ending != whole.ending:
            name = f"misnamed-{whole.ending}-{whole.name}.{ending}"
            reason = f"a sound {whole.ending} whose name ends in .{ending}"
            yield Entry(name, "misnamed", reason, whole.data, "good", SIZE_WH)
    yield Entry(
        "misnamed-mpo.jpg",
        "misnamed",
        "MPO, the JPEG of two lenses",
        encoded(photo(), "MPO", save_all=True, append_images=[photo(1)]),
        "good",
        SIZE_WH,
    )


def _archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        # A fixed time: the same corpus on any day.
        archive.writestr(zipfile.ZipInfo("part.jpg"), WHOLES[0].data)
    return stream.getvalue()
