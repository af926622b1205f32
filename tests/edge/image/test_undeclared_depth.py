"""16-bit files with fewer significant bits, under a model that declares no bit depth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from partsight.cli.main import main
from partsight.config.source import FolderConfig
from partsight.errors import ContractError, ImageError, SourceError
from partsight.image.decode import decode
from partsight.image.spec import PreprocessSpec
from partsight.image.undeclared_depth import UndeclaredDepthError
from partsight.model.file import load_model_file
from partsight.model.third_party import ModelOverrides
from partsight.records import Fault, Frame, Verdict
from partsight.sources.folder import FolderSource
from partsight.sources.snapshot import SnapshotCapture
from partsight.sources.watched_folder import WatchedFolder
from partsight.telemetry.telemetry import Telemetry

MODEL = Path(__file__).parents[3] / "models" / "sample-parts-int8.tflite"
SPEC = PreprocessSpec(64, 64)


def grey(largest: int) -> NDArray[np.uint16]:
    """uint16 (64, 64) from 0 to ``largest``."""
    return np.linspace(0, largest, 64 * 64).round().astype(np.uint16).reshape(64, 64)


def colour(largest: int) -> NDArray[np.uint16]:
    return np.stack([grey(largest)] * 3, axis=2)


def by_opencv(make: Callable[[int], NDArray[np.uint16]]) -> Callable[[Path, int], object]:
    return lambda path, largest: cv2.imwrite(str(path), make(largest))


def by_pillow(path: Path, largest: int) -> None:
    Image.fromarray(grey(largest)).save(path)


def text_of(start: str, make: Callable[[int], NDArray[np.uint16]]) -> Callable[[Path, int], object]:
    def written(path: Path, largest: int) -> None:
        samples = " ".join(map(str, make(largest).ravel()))
        path.write_text(f"{start}\n64 64\n65535\n{samples}")

    return written


WRITERS = {
    "grey.png": by_opencv(grey),
    "colour.png": by_opencv(colour),
    "grey.tif": by_opencv(grey),
    "colour.tiff": by_opencv(colour),
    "lzw.tif": lambda path, largest: Image.fromarray(grey(largest)).save(
        path, compression="tiff_lzw"
    ),
    "binary.pgm": by_opencv(grey),
    "binary.ppm": by_opencv(colour),
    "text.pgm": text_of("P2", grey),
    "text.ppm": text_of("P3", colour),
    "grey.jp2": by_pillow,
    "colour.jp2": by_opencv(colour),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_files_with_fewer_bits_are_refused_without_a_declared_depth(
    tmp_path: Path, name: str, bits: int
) -> None:
    path = tmp_path / name
    WRITERS[name](path, 2**bits - 1)

    with pytest.raises(UndeclaredDepthError, match=f"--bit-depth {bits}") as error:
        decode(path, SPEC)

    assert error.value.bits == bits
    assert decode(path, PreprocessSpec(64, 64, bit_depth=bits)).max() == 255


@pytest.mark.parametrize("name", WRITERS)
def test_the_full_range_needs_no_declared_depth(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, 65535)

    assert decode(tmp_path / name, SPEC).max() == 255


@pytest.mark.parametrize("largest", [0, 255, 4095, 8191])
def test_a_dark_file_is_decoded_if_the_depth_is_declared(tmp_path: Path, largest: int) -> None:
    by_opencv(grey)(tmp_path / "a.png", largest)

    assert decode(tmp_path / "a.png", PreprocessSpec(64, 64, bit_depth=16)).max() <= 32


def test_samples_that_cannot_be_counted_are_refused(tmp_path: Path) -> None:
    Image.new("CMYK", (64, 64)).save(tmp_path / "a.tif")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    bits = data.find(b"\x08\0\x08\0\x08\0\x08\0")
    data[bits : bits + 8] = b"\x10\0" * 4
    (tmp_path / "a.tif").write_bytes(bytes(data))

    for depth in (None, 12):
        with pytest.raises(ImageError):
            decode(tmp_path / "a.tif", PreprocessSpec(64, 64, bit_depth=depth))


def widened(folder: Path, bits: int) -> Path:
    """The model's own golden images and others, in grey with this many significant bits."""
    folder.mkdir()
    rng = np.random.default_rng(3)
    for number in range(4):
        image = rng.integers(0, 2**bits, (64, 64)).astype(np.uint16)
        image[0, 0] = 2**bits - 1
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


def classify(*arguments: object) -> tuple[int, list[dict[str, object]], str]:
    done = CliRunner().invoke(main, ["classify", str(MODEL), *map(str, arguments)])
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_classify_accepts_no_such_file_and_names_the_depth_once(tmp_path: Path) -> None:
    code, rows, said = classify(widened(tmp_path / "b12", 12))

    assert code == 3
    assert [row["verdict"] for row in rows] == [None] * 4
    assert all("12 significant bits" in str(row["error"]) for row in rows)
    assert "4 16-bit files have at most 12 significant bits" in said
    assert "pass --bit-depth 12" in said


@pytest.mark.parametrize("way", ["option", "configuration"])
def test_a_depth_that_is_given_is_used(tmp_path: Path, way: str) -> None:
    folder = widened(tmp_path / "b12", 12)
    (tmp_path / "p.toml").write_text("[model]\nbit_depth = 12\n")
    given = ["--bit-depth", "12"] if way == "option" else ["--config", tmp_path / "p.toml"]

    code, rows, said = classify(folder, *given)

    assert (code, len(rows)) == (0, 4)
    assert all(row["verdict"] is not None for row in rows), said


def test_evaluate_does_not_measure_on_such_files(tmp_path: Path) -> None:
    widened(tmp_path / "set", 12).rename(tmp_path / "healthy")
    (tmp_path / "set").mkdir()
    (tmp_path / "healthy").rename(tmp_path / "set" / "healthy")

    done = CliRunner().invoke(main, ["evaluate", str(MODEL), str(tmp_path / "set")])

    assert done.exit_code == 1
    assert "12 significant bits" in done.stderr
    assert "--bit-depth 12" in done.stderr


def test_another_depth_than_the_model_declares_is_refused(tmp_path: Path) -> None:
    data = MODEL.read_bytes()
    declared = load_model_file(data, ModelOverrides(bit_depth=12))

    assert declared.contract.preprocess.bit_depth == 12
    with pytest.raises(ContractError, match="no labels, scale"):
        load_model_file(data, ModelOverrides(bit_depth=12, logits=True))
    with pytest.raises(ContractError, match="bit_depth must be 8 to 16"):
        load_model_file(data, ModelOverrides(bit_depth=3))


@pytest.mark.parametrize(("bit_depth", "kind"), [(None, Fault), (12, Frame)])
def test_a_line_that_reads_folders_has_a_fault(
    tmp_path: Path, bit_depth: int | None, kind: type
) -> None:
    folder = widened(tmp_path / "b12", 12)
    spec = PreprocessSpec(64, 64, bit_depth=bit_depth)
    watched = WatchedFolder(
        folder, spec, FolderConfig(watch=True, existing=True, settle_s=0.0), Telemetry()
    )

    assert {type(event) for event in FolderSource(folder, spec)} == {kind}
    assert isinstance(watched.after(0.0, 5.0), kind)


def test_python_users_get_an_error_and_no_verdict(tmp_path: Path) -> None:
    from partsight.api import Classifier

    folder = widened(tmp_path / "b12", 12)
    undeclared = Classifier.load(MODEL)
    declared = Classifier.load(MODEL, overrides=ModelOverrides(bit_depth=12))

    assert {result.verdict for result in undeclared.classify_files([folder])} == {None}
    assert {result.undeclared_bits for result in undeclared.classify_files([folder])} == {12}
    assert None not in {result.verdict for result in declared.classify_files([folder])}
    assert Verdict.ACCEPT not in {r.verdict for r in undeclared.classify_files([folder])}
    assert Classifier.load(MODEL).contract.preprocess.bit_depth is None


@pytest.mark.parametrize(("largest", "usable"), [(4095, False), (65535, True)])
def test_a_snapshot_camera_with_fewer_bits_is_refused(largest: int, usable: bool) -> None:
    png = cv2.imencode(".png", grey(largest))[1].tobytes()

    if usable:
        assert SnapshotCapture(lambda: png, png, 0.0).isOpened()
    else:
        with pytest.raises(SourceError, match="16-bit PNG with 12 significant bits"):
            SnapshotCapture(lambda: png, png, 0.0)
