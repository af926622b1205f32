"""Features are computed once, and damaged cache entries are detected."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.train.conftest import write_parts

from partsight.errors import DatasetError, OutputError
from partsight.image.spec import PreprocessSpec
from partsight_train.backbones.backbone import Backbone, open_backbone
from partsight_train.data import features as features_module
from partsight_train.data.calibration import Calibration, choose_calibration
from partsight_train.data.dataset import LabelledImage, Split
from partsight_train.data.feature_cache import open_cache
from partsight_train.data.features import Features, compute_features

SPEC = PreprocessSpec(32, 32)
VECTOR = np.arange(16, dtype=np.float32)


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> Backbone:
    return open_backbone(str(tiny_backbone))


def run(backbone: Backbone, folder: Path, paths: list[Path]) -> Features:
    with open_cache(folder, backbone.identity, backbone.spec, backbone.feature_size) as cache:
        return compute_features(paths, backbone, cache)


def stacked(features: Features, paths: list[Path]) -> NDArray[np.float32]:
    return np.stack([features.vectors[path] for path in paths])


def test_a_second_run_decodes_nothing(
    backbone: Backbone, parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(parts.rglob("*.png"))
    first = run(backbone, tmp_path / "cache", paths)
    assert first.computed == len(paths) == 60

    def no_reading(paths: object, spec: object) -> list[object]:
        assert not list(paths)  # type: ignore[call-overload]
        return []

    monkeypatch.setattr(features_module, "read_images", no_reading)
    second = run(backbone, tmp_path / "cache", paths)
    assert second.computed == 0
    np.testing.assert_array_equal(stacked(first, paths), stacked(second, paths))


def test_a_changed_picture_is_computed_again(
    backbone: Backbone, parts: Path, tmp_path: Path
) -> None:
    paths = sorted(parts.rglob("*.png"))[:4]
    first = run(backbone, tmp_path / "cache", paths)
    Image.new("RGB", (40, 40), "red").save(paths[0])
    second = run(backbone, tmp_path / "cache", paths)
    assert second.computed == 1
    assert not np.allclose(first.vectors[paths[0]], second.vectors[paths[0]])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE features SET vector = zeroblob(64)",
        "UPDATE features SET checksum = zeroblob(16)",
        "UPDATE features SET vector = substr(vector, 1, 60)",
    ],
)
def test_a_damaged_entry_is_computed_again(
    backbone: Backbone, parts: Path, tmp_path: Path, damage: str
) -> None:
    paths = sorted(parts.rglob("*.png"))[:3]
    first = run(backbone, tmp_path / "cache", paths)
    (database,) = (tmp_path / "cache").glob("*.sqlite")
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(damage)
    connection.close()
    second = run(backbone, tmp_path / "cache", paths)
    assert second.computed == 3
    np.testing.assert_array_equal(stacked(first, paths), stacked(second, paths))


def test_unreadable_images_are_named_and_the_others_computed(
    backbone: Backbone, parts: Path, tmp_path: Path
) -> None:
    good = sorted(parts.rglob("*.png"))[:2]
    text, missing = tmp_path / "text.png", tmp_path / "missing.png"
    text.write_text("no image")
    result = run(backbone, tmp_path / "cache", [text, *good, missing])
    assert set(result.vectors) == set(good)
    assert set(result.failed) == {text, missing}
    assert "not an image" in result.failed[text]


def test_a_folder_without_readable_images_is_an_error(backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"no image can be read, of 1\. The first, .*missing\.png: "
    ):
        run(backbone, tmp_path / "cache", [tmp_path / "missing.png"])


@pytest.mark.parametrize(
    ("sha256", "spec", "size"),
    [("b" * 64, SPEC, 16), ("a" * 64, PreprocessSpec(32, 64), 16), ("a" * 64, SPEC, 8)],
)
def test_another_backbone_or_size_has_its_own_cache(
    tmp_path: Path, sha256: str, spec: PreprocessSpec, size: int
) -> None:
    with open_cache(tmp_path, "a" * 64, SPEC, 16) as cache:
        cache.put({b"picture": VECTOR})
        known = cache.get(b"picture")
        assert known is not None
        np.testing.assert_array_equal(known, VECTOR)
    with open_cache(tmp_path, sha256, spec, size) as cache:
        assert cache.get(b"picture") is None


def test_an_invalid_cache_file_is_named(tmp_path: Path) -> None:
    with open_cache(tmp_path, "a" * 64, SPEC, 16):
        pass
    (database,) = tmp_path.glob("*.sqlite")
    database.write_bytes(b"no database at all" * 100)
    with (
        pytest.raises(OutputError, match="Delete the file"),
        open_cache(tmp_path, "a" * 64, SPEC, 16),
    ):
        pass


WRITER = """
import sys
from pathlib import Path
import numpy as np
from partsight.image.spec import PreprocessSpec
from partsight_train.data.feature_cache import open_cache

with open_cache(Path(sys.argv[1]), "a" * 64, PreprocessSpec(32, 32), 16) as cache:
    for index in range(200):
        cache.put({f"{sys.argv[2]}-{index}".encode(): np.full(16, index, np.float32)})
"""


def test_two_processes_write_to_one_cache(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in "xy"
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    with open_cache(tmp_path, "a" * 64, SPEC, 16) as cache:
        for name in "xy":
            for index in range(200):
                vector = cache.get(f"{name}-{index}".encode())
                assert vector is not None
                assert vector[0] == index


def test_int8_features_are_cached_separately(backbone: Backbone, tmp_path: Path) -> None:
    """The key includes the contents of the calibration images."""
    paths = sorted(write_parts(tmp_path / "parts", 3).rglob("*.png"))
    labelled = [LabelledImage(path, 0, Split.TRAIN, 0.0) for path in paths]
    few, more = (choose_calibration(labelled, backbone.spec, count, 0) for count in (2, 6))

    def computed(calibration: Calibration | None) -> int:
        with open_cache(folder, backbone.identity, backbone.spec, backbone.vector_size) as cache:
            return compute_features(paths, backbone, cache, calibration=calibration).computed

    folder = tmp_path / "cache"
    counts = [computed(each) for each in (None, few, None, few, more, more)]
    assert counts == [6, 6, 0, 0, 6, 0]


KILLED = """
import os, signal, sys
from pathlib import Path
from partsight_train.backbones.backbone import open_backbone
from partsight_train.data.feature_cache import open_cache
from partsight_train.data.features import compute_features

def die_at_90(items, total):
    for number, item in enumerate(items):
        if number == 90:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item

backbone = open_backbone(sys.argv[1])
with open_cache(
    Path(sys.argv[2]), backbone.identity, backbone.spec, backbone.vector_size
) as cache:
    compute_features(sorted(Path(sys.argv[3]).rglob("*.png")), backbone, cache, die_at_90)
"""


def test_features_computed_before_a_kill_are_kept(
    backbone: Backbone, tiny_backbone: Path, tmp_path: Path
) -> None:
    parts, folder = write_parts(tmp_path / "parts", 50), tmp_path / "cache"
    command = [sys.executable, "-c", KILLED, str(tiny_backbone), str(folder), str(parts)]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    with open_cache(folder, backbone.identity, backbone.spec, backbone.vector_size) as cache:
        images = sorted(parts.rglob("*.png"))
        after = compute_features(images, backbone, cache)
        whole = compute_features(images, backbone)
    # Complete batches are stored; the number of images read ahead depends on the cores.
    assert after.computed in (100 - 32, 100 - 64)
    for path in images:
        np.testing.assert_array_equal(after.vectors[path], whole.vectors[path])
