"""Supported image file formats and their file name endings.

Imports neither Pillow nor pillow-heif, so that it loads fast.
"""

from __future__ import annotations

import importlib.util
import sys

__all__ = [
    "FORMATS",
    "HEIF_ENDINGS",
    "IMAGE_ENDINGS",
    "heif_installed",
    "hint_for",
    "looks_like_heif",
]

# Pillow's name of each supported format, with its endings. An explicit list, because some of
# Pillow's formats run other programs. Not TGA: without a signature, any bytes could be a TGA.
FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo"),
    "PNG": (".png", ".apng"),
    "BMP": (".bmp",),
    "DIB": (".dib",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "JPEG2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    "AVIF": (".avif",),
}
# Read by pillow-heif, if it is installed.
HEIF_ENDINGS = (".heic", ".heif", ".hif")

_HEIF_HINT = "To read HEIC: pip install pillow-heif"
_AVIF_HINT = "To read AVIF: pip install --upgrade pillow"
# Major brands of an ISO base media file (ISO/IEC 23008-12, annex B) that holds HEVC images.
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


def heif_installed() -> bool:
    """Whether pillow-heif can be imported."""
    return _installed("pillow_heif")


def looks_like_heif(data: bytes) -> bool:
    """Whether a file begins like HEIC or HEIF."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def hint_for(ending: str) -> str | None:
    """How to make files with this ending readable; None if they are readable or never will be."""
    if ending in HEIF_ENDINGS:
        return None if heif_installed() else _HEIF_HINT
    return _AVIF_HINT if ending in FORMATS["AVIF"] and ending not in IMAGE_ENDINGS else None


def _installed(module: str) -> bool:
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _image_endings() -> frozenset[str]:
    endings = {ending for endings in FORMATS.values() for ending in endings}
    if not _installed("PIL.AvifImagePlugin"):  # Pillow before 11.3
        endings -= set(FORMATS["AVIF"])
    return frozenset(endings.union(HEIF_ENDINGS if heif_installed() else ()))


# Lower-case endings of files that are read as images.
IMAGE_ENDINGS = _image_endings()
