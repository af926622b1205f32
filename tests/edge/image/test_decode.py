"""Image files of every usual format, and of every usual kind of damage."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.corpus.wholes import WHOLES, Whole

from partsight.errors import ImageError
from partsight.image.decode import decode
from partsight.image.preprocess import preprocess
from partsight.image.spec import PreprocessSpec

# JPEG quantizes and stores chroma at half size: tolerance of a plain colour.
JPEG_COLOUR = 4
# Scaled decoding averages before the inverse DCT, and rounds elsewhere: levels of 255.
SCALED_DECODE_MEAN = 1.5

SMALL = np.random.default_rng(1).integers(0, 256, (6, 10, 3), np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes) -> bytes:
    """A PNG that Pillow cannot write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_formats_come_back_exactly_in_bgr(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(SMALL), kind, **options)

    decoded = decode(data)

    np.testing.assert_array_equal(decoded, SMALL[:, :, ::-1])
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    image = Image.fromarray(cv2.resize(SMALL, (80, 48)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    # Rotated after encoding, so that JPEG's losses are the same in both.
    lying = Image.open(io.BytesIO(encoded(image, kind))).convert("RGB")
    upright = lying.transpose(turns[orientation]) if orientation in turns else lying

    decoded = decode(encoded(image, kind, exif=exif))

    np.testing.assert_array_equal(decoded[:, :, ::-1], np.asarray(upright))


def rgba() -> Image.Image:
    return Image.fromarray(np.array([[[200, 0, 0, 0], [200, 0, 0, 255], [200, 0, 0, 128]]], "u1"))


def grey_alpha() -> Image.Image:
    return Image.merge("LA", [Image.new("L", (1, 1), 50), Image.new("L", (1, 1), 0)])


def palette() -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    return image


@pytest.mark.parametrize(
    ("data", "expected_rgb"),
    [
        pytest.param(
            encoded(rgba(), "PNG"), [[255, 255, 255], [200, 0, 0], [227, 127, 127]], id="alpha"
        ),
        pytest.param(encoded(grey_alpha(), "PNG"), [[255, 255, 255]], id="grey with alpha"),
        pytest.param(encoded(palette(), "PNG"), [[10, 20, 30], [40, 50, 60]], id="palette"),
        pytest.param(
            encoded(palette(), "PNG", transparency=1),
            [[10, 20, 30], [255, 255, 255]],
            id="palette with a transparent entry",
        ),
        pytest.param(
            encoded(Image.new("L", (1, 1), 77), "PNG", transparency=77),
            [[255, 255, 255]],
            id="grey with a transparent value",
        ),
        pytest.param(encoded(Image.new("L", (1, 1), 77), "PNG"), [[77, 77, 77]], id="grey"),
        pytest.param(png(2, 1, 1, 0, b"\0\x40"), [[0, 0, 0], [255, 255, 255]], id="1 bit"),
        pytest.param(
            png(5, 1, 16, 0, b"\0" + struct.pack(">5H", 0, 257, 32768, 65535, 65407)),
            [[0, 0, 0], [1, 1, 1], [128, 128, 128], [255, 255, 255], [255, 255, 255]],
            id="16-bit grey PNG",
        ),
        pytest.param(
            png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 0, 257, 65535, 2570, 5140, 7710)),
            [[0, 1, 255], [10, 20, 30]],
            id="16-bit colour PNG",
        ),
        pytest.param(
            b"P5 3 1 65535\n" + struct.pack(">3H", 0, 257, 65535),
            [[0, 0, 0], [1, 1, 1], [255, 255, 255]],
            id="16-bit PGM",
        ),
        pytest.param(
            b"P5 2 1 1023\n" + struct.pack(">2H", 0, 1023),
            [[0, 0, 0], [255, 255, 255]],
            id="10-bit PGM",
        ),
        pytest.param(
            encoded(Image.frombytes("I;16", (3, 1), struct.pack("<3H", 0, 257, 65535)), "TIFF"),
            [[0, 0, 0], [1, 1, 1], [255, 255, 255]],
            id="16-bit TIFF",
        ),
        pytest.param(
            encoded(Image.frombytes("I;16B", (3, 1), struct.pack(">3H", 0, 257, 65535)), "TIFF"),
            [[0, 0, 0], [1, 1, 1], [255, 255, 255]],
            id="16-bit TIFF, other byte order",
        ),
    ],
)
def test_colour_modes_are_converted_to_bgr(data: bytes, expected_rgb: list[list[int]]) -> None:
    assert decode(data)[0, :, ::-1].tolist() == expected_rgb


@pytest.mark.parametrize("whole", WHOLES, ids=lambda whole: f"{whole.name} {whole.ending}")
def test_large_images_are_converted_in_stripes(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = decode(whole.data)

    # Seven rows of 64: the last stripe is lower.
    monkeypatch.setattr("partsight.image.decode._STRIPE", 7 * 64)

    np.testing.assert_array_equal(decode(whole.data), at_once)


@pytest.mark.parametrize("transparency", [None, 1])
def test_stripes_keep_palette_and_transparency(
    transparency: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = palette().resize((64, 48))
    options = {} if transparency is None else {"transparency": transparency}
    data = encoded(image, "PNG", **options)
    at_once = decode(data)

    monkeypatch.setattr("partsight.image.decode._STRIPE", 64)

    np.testing.assert_array_equal(decode(data), at_once)


def test_16_bit_grey_is_turned_upright_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.frombytes("I;16", (2, 1), struct.pack("<2H", 0, 65535))

    decoded = decode(encoded(image, "PNG", exif=exif))

    assert decoded[:, :, 0].tolist() == [[0], [255]]


@pytest.mark.parametrize(
    ("image", "expected_rgb"),
    [
        pytest.param(Image.new("RGB", (16, 16), (200, 30, 60)), (200, 30, 60), id="colour"),
        pytest.param(Image.new("L", (16, 16), 77), (77, 77, 77), id="grey"),
        pytest.param(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), (255, 0, 0), id="CMYK red"),
        pytest.param(Image.new("CMYK", (16, 16), (0, 0, 0, 255)), (0, 0, 0), id="CMYK black"),
    ],
)
@pytest.mark.parametrize("spec", [None, PreprocessSpec(4, 4)], ids=["full", "scaled"])
def test_jpeg_colours(
    image: Image.Image, expected_rgb: tuple[int, int, int], spec: PreprocessSpec | None
) -> None:
    decoded = decode(encoded(image, "JPEG", quality=95), spec).astype(int)

    assert np.abs(decoded[:, :, ::-1] - expected_rgb).max() <= JPEG_COLOUR


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in [(255, 0, 0), (0, 0, 255)]]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)

    assert decode(data)[4, 4].tolist() == [0, 0, 255]


def test_an_mpo_gives_its_first_image() -> None:
    left, right = (Image.new("RGB", (8, 8), colour) for colour in [(255, 0, 0), (0, 0, 255)])
    data = encoded(left, "MPO", save_all=True, append_images=[right], quality=95)

    assert np.abs(decode(data)[4, 4].astype(int) - [0, 0, 255]).max() <= JPEG_COLOUR


JPEG = encoded(Image.fromarray(cv2.resize(SMALL, (320, 240))), "JPEG")
PNG = encoded(Image.fromarray(cv2.resize(SMALL, (320, 240))), "PNG")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"part 17 is fine\n", "not an image in a known format", id="text"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image", id="runs another program"),
        pytest.param(JPEG[: len(JPEG) // 2], "damaged", id="JPEG cut off"),
        pytest.param(JPEG[:-2000], "damaged", id="JPEG without its end"),
        pytest.param(PNG[: len(PNG) // 2], "damaged", id="PNG cut off"),
        pytest.param(PNG[:100] + b"\0" * 50 + PNG[150:], "damaged", id="PNG with a hole"),
        pytest.param(PNG[:20], "damaged|not an image", id="PNG of a header"),
        pytest.param(png(30000, 30000, 1, 0, b"\0"), "too large", id="bomb"),
        pytest.param(png(12000, 10000, 1, 0, b"\0"), "too large: 12000 x 10000", id="small bomb"),
        pytest.param(
            encoded(Image.new("F", (2, 2), 0.5), "TIFF"), "32 bits", id="float without a range"
        ),
        pytest.param(
            encoded(Image.new("I", (2, 2), 70000), "TIFF"), "32 bits", id="int without a range"
        ),
    ],
)
def test_undecodable_files_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
        with pytest.raises(ImageError, match=reason):
            decode(data, PreprocessSpec(24, 24))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("step", range(40))
def test_every_damaged_header_raises_image_error(step: int) -> None:
    """Any error except ImageError would end a run of thousands of images."""
    rng = np.random.default_rng(step)
    for whole in (JPEG, PNG, encoded(Image.fromarray(SMALL), "TIFF"), encoded(palette(), "GIF")):
        data = bytearray(whole)
        for place in rng.integers(4, min(len(data), 400), 6):
            data[place] = rng.integers(256)
        try:
            decoded = decode(bytes(data), PreprocessSpec(24, 24))
        except ImageError:
            continue
        assert decoded.ndim == 3


def test_too_little_memory_is_not_reported_as_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("partsight.image.decode._to_bgr", refuse)

    with pytest.raises(ImageError, match="not enough memory"):
        decode(PNG)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        decode(tmp_path / "none.png")
    with pytest.raises(ImageError, match="cannot be read"):
        decode(tmp_path)


def test_a_path_gives_what_its_bytes_give(tmp_path: Path) -> None:
    path = tmp_path / "part.png"
    path.write_bytes(PNG)

    np.testing.assert_array_equal(decode(path), decode(PNG))


@pytest.mark.parametrize(
    ("source_wh", "target_hw", "expected_hw"),
    [
        pytest.param((640, 480), (224, 224), (240, 320), id="half"),
        pytest.param((640, 447), (224, 224), (447, 640), id="half would be too low"),
        pytest.param((447, 640), (224, 224), (640, 447), id="half would be too narrow"),
        pytest.param((640, 448), (224, 224), (224, 320), id="half just covers"),
        pytest.param((897, 899), (224, 224), (225, 225), id="quarter, rounded up"),
        pytest.param((640, 480), (60, 60), (60, 80), id="eighth"),
        pytest.param((640, 480), (10, 10), (60, 80), id="never below an eighth"),
        pytest.param((100, 80), (224, 224), (80, 100), id="never enlarged"),
        pytest.param((640, 480), (240, 100), (240, 320), id="target not square"),
    ],
)
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_jpeg_is_decoded_at_the_smallest_size_that_covers_the_target(
    source_wh: tuple[int, int],
    target_hw: tuple[int, int],
    expected_hw: tuple[int, int],
    orientation: int,
) -> None:
    """The target applies to the upright image, even if the file is rotated."""
    on_its_side = orientation >= 5
    stored_wh = source_wh[::-1] if on_its_side else source_wh
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.new("RGB", stored_wh), "JPEG", exif=exif)

    decoded = decode(data, PreprocessSpec(*target_hw))

    assert decoded.shape[:2] == expected_hw


@pytest.mark.parametrize("size_wh", [(640, 480), (639, 479), (500, 460)])
@pytest.mark.parametrize("target_hw", [(224, 224), (100, 120), (56, 56)])
def test_scaled_decoding_gives_nearly_the_same_input(
    noise_bgr: np.ndarray, size_wh: tuple[int, int], target_hw: tuple[int, int]
) -> None:
    spec = PreprocessSpec(*target_hw)
    data = encoded(Image.fromarray(cv2.resize(noise_bgr, size_wh)), "JPEG", quality=92)

    scaled, full = decode(data, spec), decode(data)

    assert scaled.shape[0] < full.shape[0]
    difference = preprocess(scaled, spec).astype(int) - preprocess(full, spec)
    assert np.abs(difference).mean() <= SCALED_DECODE_MEAN


@pytest.mark.parametrize(
    ("choice", "scaled_hw"),
    [
        ({}, (60, 80)),
        ({"fit": "letterbox"}, (60, 80)),
        ({"roi": (0.25, 0.25, 0.5, 0.5)}, (120, 160)),
        ({"roi": (0.0, 0.0, 0.1, 1.0)}, (480, 640)),
    ],
    ids=str,
)
def test_a_region_of_interest_is_decoded_at_the_needed_size(
    choice: dict[str, Any], scaled_hw: tuple[int, int], noise_bgr: np.ndarray
) -> None:
    data = encoded(Image.fromarray(cv2.resize(noise_bgr, (640, 480))), "JPEG", quality=92)
    spec = PreprocessSpec(45, 60, **choice)
    scaled = decode(data, spec)
    assert scaled.shape[:2] == scaled_hw
    difference = preprocess(scaled, spec).astype(int) - preprocess(decode(data), spec)
    assert np.abs(difference).mean() <= SCALED_DECODE_MEAN


def test_a_photo_agrees_with_pillow(noise_bgr: np.ndarray) -> None:
    data = encoded(Image.fromarray(noise_bgr[:, :, ::-1]), "JPEG", quality=92)

    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")

    np.testing.assert_array_equal(decode(data)[:, :, ::-1], np.asarray(expected))
