"""The end of a JPEG is found for all encoders and with any following data."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from partsight.image.jpeg import jpeg_end

NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


def by_opencv(*options: int) -> bytes:
    return cv2.imencode(".jpg", NOISE, list(options))[1].tobytes()


def by_pillow(mode: str = "RGB", **options: object) -> bytes:
    data = io.BytesIO()
    Image.fromarray(NOISE).convert(mode).save(data, "JPEG", **options)
    return data.getvalue()


def exif_with_thumbnail() -> bytes:
    return b"Exif\0\0II*\0\x08\0\0\0" + by_pillow(quality=30)


WHOLE = {
    "OpenCV": by_opencv(),
    "OpenCV, progressive": by_opencv(cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "OpenCV, restarts": by_opencv(cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "Pillow, best quality": by_pillow(quality=100, subsampling=0),
    "Pillow, progressive": by_pillow(progressive=True, optimize=True),
    "grey": by_pillow("L"),
    "CMYK": by_pillow("CMYK"),
    "thumbnail": by_pillow(exif=exif_with_thumbnail()),
    "comment": by_pillow(comment=b"\xff\xd9 no end \xff\xd8"),
    "fill before a marker": by_opencv()[:2] + b"\xff\xff" + by_opencv()[2:],
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("behind", [b"", b"\0" * 9, b"\xff\xd9", by_opencv(), b"\xff", b"text"])
def test_the_end_is_found_before_other_data(data: bytes, behind: bytes) -> None:
    assert jpeg_end(data + behind) == len(data)


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_a_truncated_jpeg_has_no_end(data: bytes) -> None:
    for end in range(len(data)):
        assert jpeg_end(data[:end]) is None
        if end % 97 == 0:
            assert jpeg_end(data[:end] + by_opencv()) is None or end == 0


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing(data: bytes) -> None:
    for given_bytes in (data, b"\xff\xd8" + data):
        end = jpeg_end(given_bytes)
        assert end is None or given_bytes[end - 2 : end] == b"\xff\xd9"
