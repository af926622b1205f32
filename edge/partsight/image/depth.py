"""Significant bits of image files with 16 bits per sample.

Called by ``decode``, which opens the files.

Many cameras give 10 or 12 bits, right-aligned in 16: scaled as 16 they are nearly black. The
depth of one file cannot be told from its samples, as a dark one has small ones; so it is measured
over a whole set and then travels with the model (``PreprocessSpec.bit_depth``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ImageError
from partsight.image.spec import MAX_BIT_DEPTH
from partsight.utils.opencv import cv2

__all__ = [
    "Samples",
    "choose_depth",
    "counted_samples",
    "declared_bits",
    "is_settled",
    "may_be_wide",
    "peak_of",
    "require_samples",
    "to_8_bits",
    "wide_samples",
]

# JPEG 2000 declares its range, as PGM and PPM do, and Pillow scales them to 16 bits by it. But
# writers of 16-bit arrays, such as OpenCV, declare the full range of 16 bits for every file.
_UNSCALED = ("PNG", "TIFF", "PPM", "JPEG2000")
_FULL_RANGE = 2**MAX_BIT_DEPTH - 1
_PNM_RANGE = re.compile(rb"P[2356]\s+(?:(?:#[^\n]*\n\s*)*\d+\s+){2}(?:#[^\n]*\n\s*)*(\d+)\s")
_DEPTHS = (8, 10, 12, 14, 16)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TIFF_BITS, _TIFF_MAX_VALUE, _TIFF_SAMPLE_MAX = 258, 281, 341
_JPEG2000_SIGNATURES = (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")
# Markers SOC and SIZ; the precision of the first component, less 1, is at this distance.
_JPEG2000_SIZE, _JPEG2000_PRECISION = _JPEG2000_SIGNATURES[0], 42
_HEADER_BYTES, _PNM_HEADER_BYTES = 32, 1024
# As Pillow opens grey, grey with transparency, colour and colour with transparency.
_COUNTED_MODES = ("L", "LA", "RGB", "RGBA", "RGBX")
_PNG_BIT_DEPTH, _PNG_COLOUR_TYPE = 24, 25


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one file with 16 bits each.

    Attributes:
        peak: the largest, without those of transparency.
        declared: significant bits that the file states; None where it does not.
    """

    peak: int
    declared: int | None = None


def choose_depth(found: Iterable[Samples]) -> int | None:
    """One depth for all files: what they declare, unless a sample is beyond it."""
    found = list(found)
    if not found:
        return None
    bits = max(each.peak for each in found).bit_length()
    observed = next(depth for depth in _DEPTHS if depth >= bits)
    declared = max((each.declared or 0 for each in found), default=0)
    return declared if declared >= max(bits, _DEPTHS[0]) else observed


def is_settled(found: Samples) -> bool:
    """Whether no other file of the set can lower the depth."""
    return found.peak.bit_length() > _DEPTHS[-2]


def wide_samples(image: Any, data: bytes) -> NDArray[np.uint16] | None:
    """The samples of a file with more than 8 bits each that does not state their range.

    Args:
        image: a ``PIL.Image.Image`` as it was opened; it is decoded.
        data: the bytes of the file.

    Returns:
        uint16 (H, W) grey, or (H, W, 3) RGB or (H, W, 4) RGBA, not turned by EXIF. None for
        other files.

    Raises:
        OSError, SyntaxError, ValueError: the file is damaged.
    """
    if image.format not in _UNSCALED or not 8 < _bits(image, data) <= MAX_BIT_DEPTH:
        return None
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return np.asarray(image).astype(np.uint16)
    if image.mode not in _COUNTED_MODES:
        return None
    image.load()  # OpenCV fills up what is missing of a damaged file
    # A text PPM may end with its last sample, which OpenCV takes for cut off.
    ended = data + b"\n" if image.format == "PPM" else data
    decoded = cv2.imdecode(np.frombuffer(ended, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        return None
    if decoded.ndim == 2:
        return np.asarray(decoded, np.uint16)
    codes = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
    code = codes.get(decoded.shape[2])
    return None if code is None else np.asarray(cv2.cvtColor(decoded, code), np.uint16)


def counted_samples(image: Any, data: bytes) -> Samples | None:
    """Peak and declared bits of an opened file with 16 bits per sample; None for other files.

    Args:
        image, data: see ``wide_samples``.

    Raises:
        ImageError: it has more than 8 bits per sample that cannot be counted.
        OSError, SyntaxError, ValueError: the file is damaged.
    """
    samples = require_samples(image, data)
    return None if samples is None else Samples(peak_of(samples), declared_bits(image, data))


def require_samples(image: Any, data: bytes) -> NDArray[np.uint16] | None:
    """As ``wide_samples``, which also gives None where more than 8 bits cannot be decoded.

    Raises:
        ImageError: it is such a file.
        OSError, SyntaxError, ValueError: the file is damaged.
    """
    samples = wide_samples(image, data)
    if samples is None and image.format in _UNSCALED and 8 < _bits(image, data) <= MAX_BIT_DEPTH:
        raise ImageError(
            f"the significant bits of its {_bits(image, data)}-bit samples (mode {image.mode}) "
            "cannot be counted: expected grey or RGB. Save it as PNG"
        )
    return samples


def to_8_bits(samples: NDArray[np.uint16], bit_depth: int) -> NDArray[np.uint8]:
    """Scale samples to 0..255.

    Args:
        samples: as ``wide_samples`` gives them.
        bit_depth: how many bits are significant; 16 gives what decoding without a depth gives.

    Raises:
        ImageError: a sample beyond the depth.
    """
    largest = 2**bit_depth - 1
    peak = peak_of(samples)
    if peak > largest:
        raise ImageError(
            f"a sample is {peak}, beyond the {bit_depth} significant bits (at most {largest}) of "
            "the images that the model was trained on. Set the camera as it was then, or train "
            "again with such images or --bit-depth"
        )
    scaled = _scaled(samples, largest)
    if samples.ndim == 3 and samples.shape[2] == 4 and samples[:, :, 3].max() > largest:
        scaled[:, :, 3] = _scaled(samples[:, :, 3], _FULL_RANGE)
    return scaled


def _scaled(samples: NDArray[np.uint16], largest: int) -> NDArray[np.uint8]:
    whole = (samples.astype(np.uint32) * 255 + largest // 2) // largest
    return np.minimum(whole, 255).astype(np.uint8)


def peak_of(samples: NDArray[np.uint16]) -> int:
    """The largest sample, without those of transparency."""
    return int((samples[:, :, :3] if samples.ndim == 3 else samples).max())


def may_be_wide(path: Path) -> bool:
    """Whether a file begins as a PNG, PGM or PPM with 16 bits, or any TIFF or JPEG 2000."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_PNM_HEADER_BYTES)
    except (OSError, ValueError):
        return False
    if len(start) < _HEADER_BYTES:
        return False
    is_wide_png = start.startswith(_PNG_SIGNATURE) and start[_PNG_BIT_DEPTH] == MAX_BIT_DEPTH
    if start.startswith((*_TIFF_SIGNATURES, *_JPEG2000_SIGNATURES)):
        return True
    return is_wide_png or _pnm_bits(start) == MAX_BIT_DEPTH


def _bits(image: Any, data: bytes) -> int:
    """Bits per sample, by the header."""
    if image.format == "PNG":
        return data[_PNG_BIT_DEPTH]
    if image.format == "PPM":
        return _pnm_bits(data)
    if image.format == "JPEG2000":
        return _jpeg2000_bits(data)
    bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, (1,))
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _pnm_bits(data: bytes) -> int:
    """16 for a PGM or PPM whose range says nothing; 0 for others, which Pillow scales."""
    match = _PNM_RANGE.match(data[:_PNM_HEADER_BYTES])
    return MAX_BIT_DEPTH if match and match[1] == str(_FULL_RANGE).encode() else 0


def _jpeg2000_bits(data: bytes) -> int:
    """16 for a JPEG 2000 with the full range; 0 for others, which Pillow scales."""
    place = data.find(_JPEG2000_SIZE)
    precision = data[place + _JPEG2000_PRECISION : place + _JPEG2000_PRECISION + 1]
    return MAX_BIT_DEPTH if place >= 0 and precision == bytes([MAX_BIT_DEPTH - 1]) else 0


def declared_bits(image: Any, data: bytes) -> int | None:
    """Significant bits that an opened file states; None where it does not.

    The full range of 16 bits in a TIFF is what writers put there without knowing.
    """
    if image.format == "PNG":
        return _declared_by_png(data)
    bits = _bits(image, data)
    if bits < MAX_BIT_DEPTH:
        return bits
    for tag in (_TIFF_MAX_VALUE, _TIFF_SAMPLE_MAX):
        value = getattr(image, "tag_v2", {}).get(tag)
        value = max(value) if isinstance(value, tuple) and value else value
        if isinstance(value, int) and 0 < value < _FULL_RANGE:
            return value.bit_length()
    return None


def _declared_by_png(data: bytes) -> int | None:
    """Chunk sBIT: significant bits of each channel; it stands before the pixels."""
    place = len(_PNG_SIGNATURE)
    while place + 8 <= len(data):
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if kind == b"sBIT":
            channels = 3 if data[_PNG_COLOUR_TYPE] & 2 else 1
            return max(data[place + 8 : place + 8 + min(size, channels)], default=None)
        if kind in (b"IDAT", b"IEND"):
            return None
        place += 12 + size
    return None
