"""A process with too little memory: one line that names the limit, and no blame for images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from partsight.api import Classifier
from partsight.errors import EnvironmentFault, ImageError
from partsight.image.decode import decode
from partsight.image.out_of_memory import OutOfMemoryError
from partsight.utils.imports import import_fault
from partsight.utils.memory_limit import memory_fault, require_memory

MODEL = Path(__file__).parents[3] / "models" / "sample-parts-int8.tflite"
LIMIT = ("ulimit -v", 300 * 2**20)


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("utils.memory_limit", "image.out_of_memory"):
        monkeypatch.setattr(f"partsight.{module}.memory_limit", lambda: LIMIT)


def numpy_error() -> ImportError:
    """As NumPy raises it: the cause is two errors deeper."""
    error = ImportError("you should not try to import numpy from its source directory")
    error.__cause__ = ImportError("IMPORTANT: PLEASE READ THIS")
    error.__cause__.__context__ = ImportError("libopenblas.so: failed to map segment from shared")
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), "out of memory"),
        (SystemError("error return without exception set"), "out of memory"),
        (numpy_error(), "libopenblas.so: failed to map segment from shared"),
        (OSError("/x/libLiteRt.so: failed to map segment from shared object"), "/x/libLiteRt.so: "),
        (OSError(12, "Cannot allocate memory"), "Cannot allocate memory"),
        (cv2.error("(-4:Insufficient memory) Failed to allocate 9 bytes"), "Insufficient memory"),
        (RuntimeError("std::bad_alloc"), "bad_alloc"),
    ],
    ids=repr,
)
def test_errors_that_mean_a_failed_allocation(
    limited: None, error: Exception, expected: str
) -> None:
    assert expected in str(memory_fault(error))


@pytest.mark.parametrize(
    "error", [ImportError("libGL.so.1: cannot open shared object file"), ValueError("a"), OSError()]
)
def test_other_errors_are_not_taken_for_it(limited: None, error: Exception) -> None:
    assert memory_fault(error) is None


def test_a_system_error_without_a_limit_is_a_defect() -> None:
    assert memory_fault(SystemError("error return without exception set")) is None


@pytest.mark.parametrize("error", [numpy_error(), OSError("x.so: failed to map segment")], ids=repr)
def test_a_library_that_gets_no_memory_names_the_limit(
    limited: None, error: ImportError | OSError
) -> None:
    fault = str(import_fault("running a model", "numpy", "numpy", error))

    assert "failed to map segment" in fault
    assert "limited to 300 MiB (ulimit -v)" in fault
    assert "source directory" not in fault


@pytest.mark.parametrize(
    "error",
    [MemoryError(), SystemError("error return without exception set"),
     cv2.error("Insufficient memory")],
    ids=repr,
)  # fmt: skip
def test_a_small_image_is_not_called_too_large(
    limited: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    classifier = Classifier.load(MODEL)
    monkeypatch.setattr("partsight.image.decode._to_bgr", fail)
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(path)

    with pytest.raises(OutOfMemoryError, match="limited to 300 MiB") as raised:
        decode(path)
    assert "too large" not in str(raised.value)
    with pytest.raises(EnvironmentFault, match="no image can be decoded.*300 MiB"):
        list(classifier.classify_files([path], workers=1))


def test_a_large_image_is_a_failed_input(limited: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("partsight.image.decode._to_bgr", fail)
    data = cv2.imencode(".png", np.zeros((5000, 5000), np.uint8))[1].tobytes()

    with pytest.raises(ImageError, match="too large.*limited to 300 MiB") as raised:
        decode(data)
    assert not isinstance(raised.value, OutOfMemoryError)


@pytest.mark.parametrize(("used", "enough"), [(100, True), (290, False)])
def test_a_model_is_not_run_with_too_little_left(
    limited: None, monkeypatch: pytest.MonkeyPatch, used: int, enough: bool
) -> None:
    monkeypatch.setattr("partsight.utils.memory_limit._used_bytes", lambda: used * 2**20)
    monkeypatch.setattr("os.cpu_count", lambda: 2)

    if enough:
        require_memory()
    else:
        with pytest.raises(EnvironmentFault, match="expected 338 MiB or more.*limited to 300 MiB"):
            require_memory()
