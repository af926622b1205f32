"""Image file formats that are read, and the endings that their files have.

Imports neither Pillow nor pillow-heif: whether a decoder is there is asked when it is needed.
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

# Pillow's name of each format that is decoded, and its endings. Named, because Pillow would also
# hand files to formats that run other programs. Not TGA: it has no signature, so that any bytes
# could be taken for an image.
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
# Read by pillow-heif, where it is installed.
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
    """Whether a file's first bytes are those of HEIC or HEIF."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def hint_for(ending: str) -> str | None:
    """What makes files of an ending readable; None where nothing does."""
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
