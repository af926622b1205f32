"""One door for all handles: folder, archive, address; and a clean refusal of the rest."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from partsight.errors import ModelError
from partsight_train.backbone import Backbone, open_backbone
from partsight_train.tensorflow_stack import keras, tf

Respond = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache" / "tfhub"))


def archive(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return stream.getvalue()


@contextlib.contextmanager
def serve(respond: Respond) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback; gives an address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            respond(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/publisher/module/1", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(data: bytes, *, status: int = 200, promised: int | None = None) -> Respond:
    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(promised or len(data)))
        request.end_headers()
        request.wfile.write(data)

    return respond


def features_of(backbone: Backbone) -> list[float]:
    return backbone.layer(tf.ones((1, 32, 32, 3)) * 0.5).numpy().ravel().tolist()


def test_folder_archive_and_address_are_the_same_module(
    tiny_backbone: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "tiny.tar.gz"
    packed.write_bytes(archive(tiny_backbone))
    with serve(send(packed.read_bytes())) as (address, asked):
        backbones = [open_backbone(str(handle)) for handle in (tiny_backbone, packed, address)]
    assert asked == ["/publisher/module/1?tf-hub-format=compressed"]
    assert len({backbone.sha256 for backbone in backbones}) == 1
    for backbone in backbones:
        assert (backbone.spec.height, backbone.feature_size) == (32, 16)
        assert features_of(backbone) == features_of(backbones[0])


def test_a_second_use_asks_nobody(tiny_backbone: Path) -> None:
    with serve(send(archive(tiny_backbone))) as (address, asked):
        open_backbone(address)
    open_backbone(address)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda good: send(b"not here", status=404), "404"),
        (lambda good: send(b"<html>an error page</html>"), "cannot be fetched"),
        (lambda good: send(good[: len(good) // 2], promised=len(good)), "cannot be fetched"),
        (lambda good: send(good[: len(good) // 2]), "cannot be fetched"),
    ],
    ids=["missing", "garbage", "cut off", "cut off and said to be whole"],
)
def test_a_bad_answer_is_refused_and_leaves_nothing_behind(
    tiny_backbone: Path, spoil: Callable[[bytes], Respond], reason: str
) -> None:
    good = archive(tiny_backbone)
    answers = [spoil(good), send(good)]
    with serve(lambda request: answers[0](request)) as (address, _):
        with pytest.raises(ModelError, match=reason):
            open_backbone(address)
        answers.pop(0)
        assert open_backbone(address).feature_size == 16


def saved(tmp_path: Path, *layers: keras.layers.Layer) -> str:
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model.save(tmp_path / "module", save_format="tf", include_optimizer=False)
    return str(tmp_path / "module")


def test_a_feature_map_is_no_feature_vector(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not one feature vector"):
        open_backbone(saved(tmp_path, keras.layers.Conv2D(4, 3)))


def test_the_size_is_asked_for_where_the_module_does_not_tell(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()])
    model.save(tmp_path / "any", save_format="tf", include_optimizer=False)
    with pytest.raises(ModelError, match="--image-size"):
        open_backbone(str(tmp_path / "any"))
    assert open_backbone(str(tmp_path / "any"), 24).spec.height == 24


def test_a_size_that_the_module_cannot_take_is_refused(tiny_backbone: Path) -> None:
    with pytest.raises(ModelError, match="does not take a 20x20 picture"):
        open_backbone(str(tiny_backbone), 20)


@pytest.mark.parametrize(
    ("name", "content"),
    [("nothing", None), ("file.tar.gz", b"no archive"), ("empty", {}), ("junk.pb", b"\0" * 99)],
)
def test_what_is_no_module_is_refused(
    tmp_path: Path, name: str, content: bytes | dict[str, str] | None
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.mkdir()
    with pytest.raises(ModelError, match=f"cannot use .*{name} as a backbone"):
        open_backbone(str(path))


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        entry = tarfile.TarInfo("../../escaped")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    (tmp_path / "evil.tar.gz").write_bytes(stream.getvalue())
    with pytest.raises(ModelError, match="cannot be unpacked"):
        open_backbone(str(tmp_path / "evil.tar.gz"))
    assert not list(tmp_path.rglob("escaped"))


def test_features_of_black_and_white_differ(tiny_backbone: Path) -> None:
    layer = open_backbone(str(tiny_backbone)).layer
    black, white = layer(tf.stack([tf.zeros((32, 32, 3)), tf.ones((32, 32, 3))]))
    assert not np.allclose(black, white)
