"""Modules from an address are downloaded once, checked and cached; errors name the next step."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.train.module_server import Respond, archive, send, send_ranges, serve

from partsight.errors import ModelError, OutputError
from partsight.utils.progress import silent
from partsight_train.backbones import fetch
from partsight_train.backbones.catalogue import HUB
from partsight_train.backbones.fetch import cached, module_folder
from partsight_train.backbones.locate import cached as cached_handle
from partsight_train.backbones.locate import locate

COMPRESSED = "/publisher/module/1?tf-hub-format=compressed"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    return tmp_path / "cache" / "tfhub"


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    """An archive that looks like a module until it is loaded."""
    folder = tmp_path / "module"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"weights")
    return archive(folder)


def sha1(address: str) -> str:
    return hashlib.sha1(address.encode()).hexdigest()


@pytest.mark.parametrize(
    ("ending", "asked"),
    [
        ("", COMPRESSED),
        ("?token=a%26b", "/publisher/module/1?token=a%26b&tf-hub-format=compressed"),
        (".tar.gz", "/publisher/module/1.tar.gz"),
        (".tgz?signature=x", "/publisher/module/1.tgz?signature=x"),
    ],
)
def test_the_request_follows_tf_hub_for_modules_and_is_unchanged_for_archives(
    packed: bytes, hub_cache: Path, ending: str, asked: str
) -> None:
    with serve(send(packed)) as server:
        folder = module_folder(server.address + ending, silent)
    assert [path for path, _ in server.asked] == [asked]
    assert folder == hub_cache / sha1(server.address + ending)
    assert (folder / "saved_model.pb").read_bytes() == b"graph"
    assert (folder / "variables" / "variables.index").read_bytes() == b"weights"


def test_a_cached_module_is_used_without_a_network(packed: bytes, hub_cache: Path) -> None:
    with serve(send(packed)) as server:
        assert cached(server.address) is None
        folder = module_folder(server.address, silent)
    assert module_folder(server.address, silent) == cached(server.address) == folder
    left = sorted(path.name for path in hub_cache.rglob("*") if path.is_file())
    name = sha1(server.address)
    assert left == [
        f"{name}.descriptor.txt",
        f"{name}.lock",
        "saved_model.pb",
        "variables.index",
    ]
    assert server.address in (hub_cache / f"{name}.descriptor.txt").read_text()


def test_the_cache_of_tf_hub_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "theirs"))
    address = HUB["inception-v3"].handle
    folder = tmp_path / "theirs" / sha1(address)
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").touch()
    assert locate("inception-v3") == locate(address) == cached_handle("inception-v3") == folder


def test_the_error_without_a_network_says_which_file_to_put_where(
    packed: bytes, tmp_path: Path
) -> None:
    with serve(send(packed)) as server:
        pass
    with pytest.raises(ModelError, match="refused") as refused:
        module_folder(server.address, silent)
    message = str(refused.value)
    place = tmp_path / "cache" / "tfhub" / f"{sha1(server.address)}.tar.gz"
    assert f"fetch {server.address}?tf-hub-format=compressed elsewhere" in message
    assert f"put the file at {place}" in message
    place.write_bytes(packed)
    assert cached(server.address) == place
    folder = module_folder(server.address, silent)
    assert (folder / "saved_model.pb").is_file()
    assert place.is_file(), "a person's file stays"


def test_an_unusable_local_archive_is_named(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "tfhub" / f"{sha1('http://nowhere/m')}.tar.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"<html>")
    with pytest.raises(ModelError, match=f"{place}: it cannot be unpacked.*Replace that file"):
        module_folder("http://nowhere/m", silent)
    assert place.is_file()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda good: send(b"not here", status=404), "404"),
        (lambda good: send(b"<html>an error page</html>"), "begin with b'<html>an error "),
        (lambda good: send(b""), "received 0 bytes"),
        (lambda good: send(good[: len(good) // 2], promised=len(good)), "cut off"),
        (lambda good: send(good[: len(good) // 2]), "cannot be unpacked"),
        (lambda good: send(good[:-8] + b"\0" * 8), "cannot be unpacked: CRC check failed"),
        (lambda good: send(good[:-40] + b"\0" * 40), "cannot be unpacked"),
    ],
    ids=[
        "missing",
        "garbage",
        "empty",
        "cut off",
        "cut off with the length of the part",
        "CRC",
        "middle",
    ],
)
def test_a_bad_response_is_refused_and_leaves_nothing_behind(
    packed: bytes, hub_cache: Path, spoil: Callable[[bytes], Respond], reason: str
) -> None:
    answers = [spoil(packed), send(packed)]
    with serve(lambda request: answers[0](request)) as server:
        with pytest.raises(ModelError, match=reason):
            module_folder(server.address, silent)
        assert [path.name for path in hub_cache.iterdir()] == ["fetching"]
        assert cached(server.address) is None
        answers.pop(0)
        assert (module_folder(server.address, silent) / "saved_model.pb").is_file()


def test_an_interrupted_download_is_resumed_by_the_next_run(packed: bytes) -> None:
    half = len(packed) // 2

    def break_off(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Range"):
            request.send_error(503)
        else:
            send_ranges(packed, cut_at=half)(request)

    answers: list[Respond] = [break_off, send_ranges(packed)]
    with serve(lambda request: answers[0](request)) as server:
        with pytest.raises(ModelError, match="503"):
            module_folder(server.address, silent)
        answers.pop(0)
        module_folder(server.address, silent)
    assert server.asked[-1] == (COMPRESSED, f"bytes={half}-")


@pytest.mark.parametrize(("flip", "reason"), [(False, None), (True, "expected SHA-256 .*received")])
def test_the_digest_of_an_address_is_checked(
    packed: bytes, hub_cache: Path, flip: bool, reason: str | None
) -> None:
    digest = hashlib.sha256(packed + b"x" * flip).hexdigest()
    with serve(send(packed)) as server:
        address = f"{server.address}#sha256={digest}"
        if reason is None:
            module_folder(address, silent)
        else:
            with pytest.raises(ModelError, match=reason):
                module_folder(address, silent)
    assert [path for path, _ in server.asked] == [COMPRESSED], "the digest is not sent"
    assert (cached(address) is None) == flip


def test_two_runs_download_a_module_once(packed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(fetch.logger, "warning", lambda message: go_on.set())  # that it waits

    def slow(request: BaseHTTPRequestHandler) -> None:
        begun.set()
        assert go_on.wait(60)
        send(packed)(request)

    with serve(slow) as server, ThreadPoolExecutor(2) as pool:
        first = pool.submit(module_folder, server.address, silent)
        assert begun.wait(60)
        second = pool.submit(module_folder, server.address, silent)
        assert first.result(60) == second.result(60)
    assert len(server.asked) == 1


def test_a_cache_that_cannot_be_written_is_named(packed: bytes, hub_cache: Path) -> None:
    hub_cache.parent.mkdir()
    hub_cache.write_text("a file where the folder should be")
    with serve(send(packed)) as server, pytest.raises(OutputError, match="--cache-dir"):
        module_folder(server.address, silent)


@pytest.mark.parametrize(
    ("handle", "address"),
    [
        ("inception-v3", "https://tfhub.dev/google/imagenet/inception_v3/feature_vector/5"),
        ("tfhub.dev/google/a/1", "https://tfhub.dev/google/a/1"),
        ("kaggle.com/models/google/a/tensorFlow2/b/1",) * 2,
        ("www.kaggle.com/models/google/a/tensorFlow2/b/1",) * 2,
    ],
)
def test_handles_without_a_scheme_are_accepted(hub_cache: Path, handle: str, address: str) -> None:
    address = address if "://" in address else f"https://{address}"
    folder = hub_cache / sha1(address)
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").touch()
    assert locate(handle) == folder


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        ("gs://bucket/module", "not an http"),
        ("file:///etc/passwd", "not an http"),
        ("no-such-name", "no such file or folder.*inception-v3"),
        ("http://[bad", "not an http"),
    ],
)
def test_an_invalid_handle_is_refused(handle: str, reason: str) -> None:
    with pytest.raises(ModelError, match=f"cannot use .*{reason}"):
        locate(handle)
