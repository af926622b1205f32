"""Files with 16 bits per sample, of which fewer are significant."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from partsight.errors import ImageError
from partsight.image.decode import decode
from partsight.image.depth import Samples, choose_depth, to_8_bits
from partsight.image.spec import PreprocessSpec, spec_to_document
from partsight.image_files.read import measure_depth

HW = (8, 12)


def ramp(largest: int, channels: int = 1) -> NDArray[np.uint16]:
    """uint16 (H, W) or (H, W, C) from 0 to ``largest``."""
    values = np.linspace(0, largest, HW[0] * HW[1]).round().astype(np.uint16).reshape(HW)
    return values if channels == 1 else np.stack([values] * channels, axis=2)


def write(path: Path, samples: NDArray[np.uint16]) -> Path:
    assert cv2.imwrite(str(path), samples)
    return path


def spec(bit_depth: int | None) -> PreprocessSpec:
    return PreprocessSpec(*HW, bit_depth=bit_depth)


def eight_bits(samples: NDArray[np.uint16], largest: int) -> NDArray[np.float64]:
    grey = samples if samples.ndim == 2 else samples[:, :, 0]
    return np.stack([grey / largest * 255] * 3, axis=2)


# OpenCV gives every PGM and PPM of 16 bits the range 65535.
@pytest.mark.parametrize("ending", [".png", ".tif", ".pnm"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_significant_bits_fill_the_range(
    tmp_path: Path, bits: int, channels: int, ending: str
) -> None:
    samples = ramp(2**bits - 1, channels)
    path = write(tmp_path / f"a{ending}", samples)

    assert measure_depth([path]) == bits
    decoded = decode(path, spec(bits))

    assert np.abs(decoded - eight_bits(samples, 2**bits - 1)).max() <= 0.5
    assert decode(path).max() <= 2**bits / 257 + 1  # nearly black, as before


@pytest.mark.parametrize("bit_depth", [None, 12, 16])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "CMYK"])
def test_eight_bit_files_are_the_same_under_each_depth(
    tmp_path: Path, mode: str, bit_depth: int | None
) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(ramp(255).astype(np.uint8)).convert("RGB").convert(mode).save(path)

    assert np.array_equal(decode(path, spec(bit_depth)), decode(path))


@pytest.mark.parametrize("ending", [".png", ".tif", ".pnm"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_depth_of_sixteen_bits_changes_nothing(
    tmp_path: Path, channels: int, ending: str
) -> None:
    path = write(tmp_path / f"a{ending}", ramp(65535, channels))

    assert measure_depth([path]) == 16
    assert np.array_equal(decode(path, spec(16)), decode(path))


@given(st.integers(0, 65535))
def test_sixteen_bits_are_scaled_as_without_a_depth(sample: int) -> None:
    (scaled,) = to_8_bits(np.array([[sample]], np.uint16), 16)[0]

    assert scaled == (sample + 128) // 257


@given(st.integers(8, 16).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 2**n - 1))))
def test_scaling_rounds_to_the_nearest(pair: tuple[int, int]) -> None:
    bits, sample = pair
    (scaled,) = to_8_bits(np.array([[sample]], np.uint16), bits)[0]

    assert abs(int(scaled) - sample * 255 / (2**bits - 1)) <= 0.5


def test_a_sample_beyond_the_depth_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", ramp(40000))

    with pytest.raises(ImageError, match="a sample is 40000, beyond the 12 significant bits"):
        decode(path, spec(12))


def test_one_depth_for_the_whole_set(tmp_path: Path) -> None:
    """A single dark image would look like one of 8 bits."""
    dark, _ = write(tmp_path / "d.png", ramp(200)), write(tmp_path / "b.tif", ramp(4000))
    Image.fromarray(ramp(255).astype(np.uint8)).save(tmp_path / "eight.png")
    (tmp_path / "damaged.png").write_bytes(dark.read_bytes()[:60])
    paths = sorted(tmp_path.iterdir())

    assert measure_depth([dark]) == 8
    assert measure_depth(paths) == 12
    assert decode(dark, spec(12)).max() == round(200 * 255 / 4095)


def test_a_set_of_eight_bits_has_no_depth(tmp_path: Path) -> None:
    Image.fromarray(ramp(255).astype(np.uint8)).save(tmp_path / "a.png")

    assert measure_depth([tmp_path / "a.png", tmp_path / "gone.png"]) is None


@pytest.mark.parametrize(
    ("found", "depth"),
    [
        ([], None),
        ([Samples(1000)], 10),
        ([Samples(1000, 12)], 12),
        ([Samples(1000, 12), Samples(1023)], 12),
        ([Samples(5000, 12)], 14),
        ([Samples(65520, 12)], 16),
        ([Samples(3), Samples(4095)], 12),
        ([Samples(0)], 8),
        ([Samples(0, 1)], 8),
        ([Samples(2047, 11)], 11),
    ],
)
def test_the_declared_depth_counts_unless_a_sample_exceeds_it(
    found: list[Samples], depth: int | None
) -> None:
    assert choose_depth(found) == depth


def png_with_sbit(path: Path, bits: int) -> None:
    data = write(path, ramp(900)).read_bytes()
    body = b"sBIT" + bytes([bits])
    chunk = struct.pack(">I", 1) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[:33] + chunk + data[33:])  # behind the header


def tiff_with_maximum(path: Path, bits: int) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[281] = 2**bits - 1
    Image.fromarray(ramp(900)).save(path, tiffinfo=tags)


@pytest.mark.parametrize(
    ("name", "declare"), [("a.png", png_with_sbit), ("a.tif", tiff_with_maximum)]
)
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_declared_bits_are_read(
    tmp_path: Path, name: str, declare: Callable[[Path, int], None], bits: int
) -> None:
    declare(tmp_path / name, bits)

    assert measure_depth([tmp_path / name]) == bits


def test_the_full_range_of_a_tiff_declares_nothing(tmp_path: Path) -> None:
    tiff_with_maximum(tmp_path / "a.tif", 16)

    assert measure_depth([tmp_path / "a.tif"]) == 10


def test_formats_that_declare_their_range_are_scaled_by_it(tmp_path: Path) -> None:
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5\n12 8\n4095\n" + ramp(4095).astype(">u2").tobytes())

    assert measure_depth([path]) is None
    assert np.array_equal(decode(path, spec(10)), decode(path))
    assert decode(path).max() == 255


def test_orientation_and_transparency_are_applied_with_a_depth(tmp_path: Path) -> None:
    samples = ramp(4095, 4)
    samples[:, :, 3] = 65535
    samples[0, :, 3] = 0
    path = write(tmp_path / "a.png", samples)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = tmp_path / "b.tif"
    Image.fromarray(ramp(4095)).save(turned, exif=exif.tobytes())

    assert (decode(path, spec(12))[0] == 255).all()
    assert np.abs(decode(path, spec(12))[1:] - eight_bits(samples, 4095)[1:]).max() <= 0.5
    expected = np.rot90(to_8_bits(ramp(4095), 12), 3)
    assert np.array_equal(decode(turned, spec(12))[:, :, 0], expected)


@pytest.mark.parametrize("bit_depth", [7, 17, 12.0, True, "12"])
def test_impossible_depths_are_refused(bit_depth: object) -> None:
    with pytest.raises(ValueError, match="bit_depth must be 8 to 16"):
        PreprocessSpec(2, 4, bit_depth=bit_depth)  # type: ignore[arg-type]


def test_a_spec_without_depth_can_be_read_by_older_versions() -> None:
    assert "bit_depth" not in spec_to_document(spec(None))
    assert spec_to_document(spec(12))["bit_depth"] == 12
