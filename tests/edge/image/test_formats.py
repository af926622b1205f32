"""Each supported ending: a file of its format, written and read back."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from partsight.errors import ImageError
from partsight.image.decode import decode, read_size
from partsight.image.formats import FORMATS, HEIF_ENDINGS, IMAGE_ENDINGS
from partsight.image_files.read import find_image_files, is_image_file

HW = (24, 40)
LOSSLESS = {"PNG", "BMP", "DIB", "TIFF", "GIF", "PPM"}
# Of 255; JPEG, WebP, JPEG 2000 and AVIF at their highest quality.
LOSSY_LEVEL = 6.0


def gradient() -> NDArray[np.uint8]:
    """Smooth BGR, so that lossy formats keep it."""
    rows, columns = np.mgrid[0:1:24j, 0:1:40j]
    return np.stack([200 * rows, 120 * columns + 60, 255 - 200 * rows], 2).astype(np.uint8)


def pillow_name(name: str) -> str:
    return "JPEG" if name == "MPO" else name


@pytest.mark.parametrize(
    ("name", "ending"), [(name, each) for name, endings in FORMATS.items() for each in endings]
)
def test_each_ending_is_found_and_decoded(tmp_path: Path, name: str, ending: str) -> None:
    if ending not in IMAGE_ENDINGS:
        pytest.skip("this Pillow does not decode it")
    path, image_bgr = tmp_path / f"part{ending.upper()}", gradient()
    if name == "GIF":  # of 256 colours
        image_bgr = np.where(image_bgr > 127, 255, 0).astype(np.uint8)
    Image.fromarray(image_bgr[:, :, ::-1]).save(path, pillow_name(name), quality=100)

    (found,) = find_image_files([tmp_path])
    decoded = decode(found)

    assert decoded.shape == (*HW, 3)
    assert read_size(found) == HW
    difference = np.abs(decoded.astype(int) - image_bgr)
    assert difference.max() == 0 if name in LOSSLESS else difference.mean() < LOSSY_LEVEL


def test_a_dib_with_a_file_header_is_a_bmp(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "part.dib"), gradient())

    assert np.array_equal(decode(tmp_path / "part.dib"), gradient())


@pytest.mark.parametrize("bits", ["P1", "P4"])
def test_bitmaps_of_one_bit(bits: str) -> None:
    data = {"P1": b"P1\n2 1\n0 1\n", "P4": b"P4\n2 1\n\x40"}[bits]

    assert decode(data)[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize(
    "name",
    ["a.tga", "a.mp4", "a.pdf", "a.raw", "a.dng", "a.txt", "a.svg", "a.jxl", "a.psd", "jpg", "a."],
)
def test_other_endings_are_not_read(name: str) -> None:
    assert not is_image_file(Path(name))


def heic(image_bgr: NDArray[np.uint8], orientation: int = 1) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    data, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(image_bgr[:, :, ::-1])
    image.save(data, "HEIF", quality=100, chroma=444, exif=exif.tobytes())
    return data.getvalue()


@pytest.mark.parametrize("ending", HEIF_ENDINGS)
def test_heic_is_read_where_pillow_heif_is_installed(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"IMG_1{ending.upper()}").write_bytes(heic(gradient()))

    (found,) = find_image_files([tmp_path])

    assert read_size(found) == HW
    assert np.abs(decode(found).astype(int) - gradient()).mean() < LOSSY_LEVEL


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_orientation_is_applied(orientation: int) -> None:
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]

    decoded = decode(heic(gradient(), orientation))

    assert np.abs(decoded.astype(int) - np.rot90(gradient(), turns)).mean() < LOSSY_LEVEL


@pytest.mark.parametrize("cut", [40, 200, -1])
def test_a_damaged_heic_is_an_image_error(cut: int) -> None:
    with pytest.raises(ImageError):
        decode(heic(gradient())[:cut])


def test_heic_without_pillow_heif_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(gradient())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(ImageError, match="pip install pillow-heif"):
        decode(data)
