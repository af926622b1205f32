"""``open_backbone`` takes folders, archives and addresses, and refuses everything else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from tests.train.hub_modules import save_tf1
from tests.train.module_server import archive, send, serve

from partsight.errors import ModelError
from partsight_train.backbones.backbone import Backbone, open_backbone
from partsight_train.backbones.catalogue import HUB
from partsight_train.tensorflow_stack import keras, tf

_Item = TypeVar("_Item")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache" / "tfhub"))


def features_of(backbone: Backbone) -> list[float]:
    return backbone.layer(tf.ones((1, 32, 32, 3)) * 0.5).numpy().ravel().tolist()


def test_folder_archive_and_address_are_the_same_module(
    tiny_backbone: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "tiny.tar.gz"
    packed.write_bytes(archive(tiny_backbone))
    with serve(send(packed.read_bytes())) as server:
        handles = (tiny_backbone, packed, server.address)
        backbones = [open_backbone(str(handle)) for handle in handles]
    assert len({backbone.sha256 for backbone in backbones}) == 1
    for backbone in backbones:
        assert (backbone.spec.height, backbone.feature_size) == (32, 16)
        assert features_of(backbone) == features_of(backbones[0])


def test_the_download_is_reported(tiny_backbone: Path) -> None:
    reported: list[int] = []

    def progress(items: Iterable[_Item], total: int, **_: object) -> Iterable[_Item]:
        reported.append(total)
        return items

    with serve(send(archive(tiny_backbone))) as server:
        open_backbone(server.address, progress=progress)
        open_backbone(server.address, progress=progress)
    assert reported == [1], "the second use sends no request"
    assert len(server.asked) == 1


@pytest.mark.parametrize("ending", ["5", "3"])
def test_the_size_of_a_listed_module_is_known_in_any_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    folder = save_tf1(tmp_path / "module", side=None)
    with serve(send(archive(folder))) as server:
        base = server.address.removesuffix("1")
        row = dataclasses.replace(HUB["inception-v3"], handle=f"{base}5")
        monkeypatch.setitem(HUB, "inception-v3", row)
        assert open_backbone(f"{base}{ending}").spec.width == 299
        assert open_backbone(f"{base}{ending}", 64).spec.width == 64


def saved(tmp_path: Path, *layers: keras.layers.Layer) -> str:
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model.save(tmp_path / "module", save_format="tf", include_optimizer=False)
    return str(tmp_path / "module")


def test_a_feature_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not one feature vector"):
        open_backbone(saved(tmp_path, keras.layers.Conv2D(4, 3)))


def test_a_module_without_an_image_size_requires_the_option(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()])
    model.save(tmp_path / "any", save_format="tf", include_optimizer=False)
    with pytest.raises(ModelError, match="--image-size"):
        open_backbone(str(tmp_path / "any"))
    assert open_backbone(str(tmp_path / "any"), 24).spec.height == 24


def test_an_unsupported_image_size_is_refused(tiny_backbone: Path) -> None:
    with pytest.raises(ModelError, match="does not take a 20x20 image"):
        open_backbone(str(tiny_backbone), 20)


@pytest.mark.parametrize(
    ("name", "content"),
    [("nothing", None), ("file.tar.gz", b"no archive"), ("empty", {}), ("junk.pb", b"\0" * 99)],
)
def test_a_folder_or_file_without_a_module_is_refused(
    tmp_path: Path, name: str, content: bytes | dict[str, str] | None
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.mkdir()
    with pytest.raises(ModelError, match=f"cannot use .*{name} as a backbone"):
        open_backbone(str(path))


def test_features_of_black_and_white_differ(tiny_backbone: Path) -> None:
    layer = open_backbone(str(tiny_backbone)).layer
    black, white = layer(tf.stack([tf.zeros((32, 32, 3)), tf.ones((32, 32, 3))]))
    assert not np.allclose(black, white)
