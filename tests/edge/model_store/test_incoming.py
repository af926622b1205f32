"""Arrival of new models: only complete files are read, and each is moved or deleted."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from partsight.model_store.incoming import PATIENCE_S, SETTLED_S, Incoming


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def incoming(tmp_path: Path, clock: Clock) -> Incoming:
    (tmp_path / "incoming").mkdir()
    return Incoming(tmp_path / "incoming", clock)


@pytest.fixture(scope="module")
def data(make_model: Callable[..., bytes]) -> bytes:
    return make_model("new")


def look(incoming: Incoming, clock: Clock, after_s: float) -> list[str]:
    """The names of what comes after a while, with ``!`` where it is refused."""
    clock.now_s += after_s
    return [each.path.name + "!" * (each.file is None) for each in incoming.look()]


def test_a_file_is_returned_once_it_is_settled(
    incoming: Incoming, clock: Clock, data: bytes
) -> None:
    path = incoming.path / "a.tflite"
    path.write_bytes(data)
    assert look(incoming, clock, 0) == []
    assert look(incoming, clock, SETTLED_S / 2) == []
    assert look(incoming, clock, SETTLED_S / 2) == ["a.tflite"]
    (candidate,) = incoming.look()
    assert candidate.file is not None
    assert candidate.file.data == data
    incoming.taken(candidate)
    assert list(incoming.path.iterdir()) == []
    assert look(incoming, clock, PATIENCE_S) == []


def test_a_file_that_is_being_copied_waits(incoming: Incoming, clock: Clock, data: bytes) -> None:
    path = incoming.path / "a.tflite"
    for share in (0.0, 0.2, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        assert look(incoming, clock, SETTLED_S) == []
    # It hangs for longer than a file takes to settle, and goes on.
    assert look(incoming, clock, SETTLED_S) == []
    assert look(incoming, clock, PATIENCE_S / 2) == []
    path.write_bytes(data)
    assert look(incoming, clock, 0) == []
    assert look(incoming, clock, SETTLED_S) == ["a.tflite"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda data: data[: len(data) // 2], "is damaged|no whole flatbuffer|cannot"),
        (lambda data: data[:-9], "has lost its contract: the file is truncated"),
        (lambda data: b"", "is not a TFLite model"),
        (lambda data: b"a letter to the line", "is not a TFLite model"),
        (lambda data: data[:5000] + b"\1\2\3" + data[5003:], "is damaged"),
    ],
)
def test_a_file_that_stays_broken_is_refused_in_the_end(
    content: Callable[[bytes], bytes],
    reason: str,
    incoming: Incoming,
    clock: Clock,
    data: bytes,
    tmp_path: Path,
) -> None:
    path = incoming.path / "a.tflite"
    path.write_bytes(content(data))
    assert look(incoming, clock, 0) == []
    assert look(incoming, clock, SETTLED_S) == []
    assert look(incoming, clock, PATIENCE_S) == ["a.tflite!"]
    (candidate,) = incoming.look()
    assert re.search(reason, str(candidate.refusal))
    incoming.refuse(candidate, tmp_path / "refused", "because")
    assert list(incoming.path.iterdir()) == []
    assert (tmp_path / "refused" / "a.tflite").read_bytes() == content(data)
    assert (tmp_path / "refused" / "a.tflite.reason.txt").read_text() == "because\n"


def test_several_come_oldest_first(incoming: Incoming, clock: Clock, data: bytes) -> None:
    for place, name in enumerate(("c.tflite", "a.tflite", "b.tflite")):
        (incoming.path / name).write_bytes(data)
        os.utime(incoming.path / name, (place, place))
    look(incoming, clock, 0)
    assert look(incoming, clock, SETTLED_S) == ["c.tflite", "a.tflite", "b.tflite"]


def test_hidden_and_unfinished_files_are_ignored(
    incoming: Incoming, clock: Clock, data: bytes
) -> None:
    for name in (".hidden.tflite", "a.tflite.part", "b.tmp", "c.tflite.crdownload"):
        (incoming.path / name).write_bytes(data)
    (incoming.path / "folder.tflite").mkdir()
    (incoming.path / "loose.tflite").symlink_to("nowhere")
    look(incoming, clock, 0)
    assert look(incoming, clock, PATIENCE_S) == []


def test_files_disappear(incoming: Incoming, clock: Clock, data: bytes, tmp_path: Path) -> None:
    path = incoming.path / "a.tflite"
    path.write_bytes(data)
    look(incoming, clock, 0)
    path.unlink()
    assert look(incoming, clock, SETTLED_S) == []
    path.write_bytes(data)
    look(incoming, clock, 0)
    assert look(incoming, clock, SETTLED_S) == ["a.tflite"]
    (candidate,) = incoming.look()
    path.unlink()
    incoming.refuse(candidate, tmp_path / "refused", "because")
    incoming.taken(candidate)
    assert not (tmp_path / "refused").exists()


def test_a_replaced_file_is_a_new_one(
    incoming: Incoming, clock: Clock, data: bytes, tmp_path: Path
) -> None:
    """Refusing or accepting the old file does not touch the new one."""
    path = incoming.path / "a.tflite"
    path.write_bytes(data)
    look(incoming, clock, 0)
    clock.now_s += SETTLED_S
    (candidate,) = incoming.look()
    path.unlink()
    path.write_bytes(data[:-9])
    incoming.taken(candidate)
    incoming.refuse(candidate, tmp_path / "refused", "because")
    assert path.exists()
    assert look(incoming, clock, 0) == []
    assert look(incoming, clock, SETTLED_S) == []
    assert look(incoming, clock, PATIENCE_S) == ["a.tflite!"]


def test_a_watched_file_stays_where_it_is(tmp_path: Path, clock: Clock, data: bytes) -> None:
    incoming = Incoming(tmp_path / "model.tflite", clock)
    assert incoming.is_file
    assert look(incoming, clock, 0) == []
    incoming.path.write_bytes(data)
    look(incoming, clock, 0)
    clock.now_s += SETTLED_S
    (candidate,) = incoming.look()
    incoming.taken(candidate)
    assert look(incoming, clock, PATIENCE_S) == []
    incoming.path.write_bytes(b"another")
    look(incoming, clock, 0)
    look(incoming, clock, SETTLED_S)
    clock.now_s += PATIENCE_S
    (candidate,) = incoming.look()
    incoming.refuse(candidate, tmp_path / "refused", "because")
    assert incoming.path.read_bytes() == b"another"
    assert look(incoming, clock, PATIENCE_S) == []


def test_a_postponed_file_is_returned_again(incoming: Incoming, clock: Clock, data: bytes) -> None:
    (incoming.path / "a.tflite").write_bytes(data)
    look(incoming, clock, 0)
    clock.now_s += SETTLED_S
    (candidate,) = incoming.look()
    incoming.later(candidate)
    assert look(incoming, clock, SETTLED_S) == []
    assert look(incoming, clock, PATIENCE_S) == ["a.tflite"]


def test_a_file_that_cannot_be_moved_is_ignored(
    incoming: Incoming, clock: Clock, data: bytes, tmp_path: Path
) -> None:
    (incoming.path / "a.tflite").write_bytes(data)
    look(incoming, clock, 0)
    clock.now_s += SETTLED_S
    (candidate,) = incoming.look()
    (tmp_path / "refused").write_text("a file where a folder should be")
    incoming.refuse(candidate, tmp_path / "refused", "because")
    assert (incoming.path / "a.tflite").exists()
    assert look(incoming, clock, PATIENCE_S) == []


def test_the_refused_do_not_fill_the_disk(incoming: Incoming, clock: Clock, tmp_path: Path) -> None:
    for number in range(15):
        path = incoming.path / f"{number:02}.tflite"
        path.write_bytes(b"nothing")
        look(incoming, clock, 0)
        look(incoming, clock, SETTLED_S)
        clock.now_s += PATIENCE_S
        (candidate,) = incoming.look()
        incoming.refuse(candidate, tmp_path / "refused", "because")
        os.utime(tmp_path / "refused" / f"{path.name}.reason.txt", (number, number))
    left = sorted(path.name for path in (tmp_path / "refused").iterdir())
    assert left[0] == "05.tflite"
    assert len(left) == 20


def test_a_missing_folder_is_no_error(tmp_path: Path) -> None:
    assert list(Incoming(tmp_path / "nowhere").look()) == []


def test_a_link_is_refused_unread(incoming: Incoming, clock: Clock, tmp_path: Path) -> None:
    """The reason for a refusal quotes bytes, which could be those of a password file."""
    secret = tmp_path / "password"
    secret.write_text("0123-mqtt-secret")
    (incoming.path / "model.tflite").symlink_to(secret)
    list(incoming.look())
    clock.now_s += SETTLED_S
    (candidate,) = incoming.look()
    assert "is a link" in str(candidate.refusal)
    incoming.refuse(candidate, tmp_path / "refused", str(candidate.refusal))
    assert "mqtt" not in (tmp_path / "refused" / "model.tflite.reason.txt").read_text()
    assert secret.exists()


@pytest.mark.parametrize(
    "name",
    ["x" * 248 + ".tflite", "ü" * 120 + ".tflite", os.fsdecode(b"caf\xe9.tflite"), "a\nb.tflite"],
)
def test_a_refused_model_of_any_name_has_its_reason(
    incoming: Incoming, clock: Clock, tmp_path: Path, name: str
) -> None:
    (incoming.path / name).write_bytes(b"no model")
    list(incoming.look())
    clock.now_s += PATIENCE_S
    list(incoming.look())
    clock.now_s += PATIENCE_S
    (candidate,) = incoming.look()
    incoming.refuse(candidate, tmp_path / "refused", f"{candidate.refusal} \udce9")
    assert not (incoming.path / name).exists()
    assert len(list((tmp_path / "refused").glob("*.reason.txt"))) == 1
    assert len(list((tmp_path / "refused").iterdir())) == 2
