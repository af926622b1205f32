"""The model store: the active model is defined at any moment."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.errors import ModelError, OutputError
from partsight.model.contract import Contract
from partsight.model.file import ModelFile
from partsight.model_store.activate import activate_model, roll_back, start_active
from partsight.model_store.history import read_history, remember
from partsight.model_store.listing import listed
from partsight.model_store.store import (
    ModelStore,
    activated,
    add,
    digests,
    find,
    prune,
    read_stored,
    set_activated,
)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


@pytest.fixture
def model(contract: Contract) -> Callable[[str], ModelFile]:
    """A file with only a digest, which is all that the store uses."""

    def make(content: str) -> ModelFile:
        data = content.encode()
        return ModelFile(data, hashlib.sha256(data).hexdigest(), contract)

    return make


def fill(
    store: ModelStore, model: Callable[[str], ModelFile], names: Sequence[str], keep: int = 9
) -> None:
    for place, name in enumerate(names):
        activate_model(store, model(name), keep)
        os.utime(store.model(model(name).sha256), (place, place))


def names_of(store: ModelStore, shas: list[str]) -> str:
    return "".join(store.model(sha256).read_text() for sha256 in shas)


def whole(data: bytes) -> str:
    """What loads a model in these tests: one that says 'bad' is none."""
    if b"bad" in data:
        raise ModelError("it says bad")
    return data.decode()


def test_an_empty_store(store: ModelStore) -> None:
    assert activated(store) == digests(store) == listed(store) == read_history(store) == []
    with pytest.raises(ModelError, match="no model can be started from .* received none"):
        start_active(store, whole)
    with pytest.raises(ModelError, match="nothing to roll back to"):
        roll_back(store, whole)


@pytest.mark.parametrize(
    ("put", "expected"),
    [("a", "a"), ("ab", "ba"), ("aba", "ab"), ("aa", "a"), ("abcb", "bca")],
)
def test_the_newest_is_in_force(
    put: str, expected: str, store: ModelStore, model: Callable[[str], ModelFile]
) -> None:
    fill(store, model, put)
    assert names_of(store, activated(store)) == expected
    assert [entry["what"] for entry in read_history(store)] == ["activated"] * len(put)
    sha256, loaded, reasons = start_active(store, whole)
    assert (sha256, loaded, reasons) == (model(expected[0]).sha256, expected[0], ())


def test_each_rollback_goes_back_further(
    store: ModelStore, model: Callable[[str], ModelFile]
) -> None:
    fill(store, model, "abc")
    assert roll_back(store, whole) == (model("b").sha256, model("c").sha256)
    assert roll_back(store, whole)[0] == model("a").sha256
    with pytest.raises(ModelError, match="nothing to roll back to"):
        roll_back(store, whole)
    assert names_of(store, activated(store)) == "a"
    assert len(digests(store)) == 3


def test_a_rollback_to_a_damaged_model_is_refused(
    store: ModelStore, model: Callable[[str], ModelFile]
) -> None:
    fill(store, model, ["bad", "b"])
    with pytest.raises(ModelError, match="it says bad"):
        roll_back(store, whole)
    store.model(model("bad").sha256).write_text("changed")
    with pytest.raises(ModelError, match="is damaged: its content"):
        roll_back(store, whole)
    assert activated(store)[0] == model("b").sha256


@pytest.mark.parametrize("harm", ["damaged", "gone", "refused"])
def test_a_damaged_model_falls_back_to_the_previous_one(
    harm: str, store: ModelStore, model: Callable[[str], ModelFile]
) -> None:
    fill(store, model, ["a", "b", "bad" if harm == "refused" else "c"])
    active = store.model(activated(store)[0])
    if harm == "damaged":
        active.write_bytes(b"torn")
    elif harm == "gone":
        active.unlink()
    sha256, loaded, reasons = start_active(store, whole)
    assert (sha256, loaded) == (model("b").sha256, "b")
    assert len(reasons) == 1
    assert names_of(store, activated(store)) == "ba"
    assert read_history(store)[-1]["what"] == "fallback"
    assert start_active(store, whole)[2] == ()


def test_only_damaged_models_are_an_error(
    store: ModelStore, model: Callable[[str], ModelFile]
) -> None:
    fill(store, model, "ab")
    for sha256 in digests(store):
        store.model(sha256).write_bytes(b"torn")
    with pytest.raises(ModelError, match="no model can be started .* is damaged: .* is damaged: "):
        start_active(store, whole)
    assert len(activated(store)) == 2


@pytest.mark.parametrize("harm", [None, b"", b"\xff\x00 nonsense", b"abc\n"])
def test_a_lost_pointer_is_found_in_the_history(
    harm: bytes | None, store: ModelStore, model: Callable[[str], ModelFile]
) -> None:
    fill(store, model, "ab")
    store.active.unlink()
    if harm is not None:
        store.active.write_bytes(harm)
    assert start_active(store, whole)[1] == "b"


@pytest.mark.parametrize(
    ("put", "keep", "left"),
    [
        ("abcd", 9, "abcd"),
        ("abcd", 3, "bcd"),
        ("abcd", 2, "cd"),
        ("abcd", 1, "cd"),
        ("abca", 2, "ca"),
        ("abca", 3, "bca"),
    ],
)
def test_the_oldest_are_deleted_but_never_the_last_two(
    put: str, keep: int, left: str, store: ModelStore, model: Callable[[str], ModelFile]
) -> None:
    fill(store, model, put)
    gone = prune(store, keep)
    assert sorted(names_of(store, digests(store))) == sorted(left)
    assert len(gone) == len(set(put)) - len(left)
    assert start_active(store, whole)[1] == put[-1]


def test_temporary_files_are_deleted(store: ModelStore, model: Callable[[str], ModelFile]) -> None:
    fill(store, model, "a")
    for path in (store.folder / "models" / ".x.tflite.0f.part", store.folder / ".active.0f.part"):
        path.write_text("half")
    fill(store, model, "b")
    assert [path for path in store.folder.rglob("*.part")] == []
    assert names_of(store, activated(store)) == "ba"


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_the_active_model_is_never_deleted(names: list[str], keep: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = ModelStore(Path(folder))
        for name in names:
            data = name.encode()
            file = ModelFile(data, hashlib.sha256(data).hexdigest(), None)  # type: ignore[arg-type]
            activate_model(store, file, keep)
        assert start_active(store, whole)[1] == names[-1]
        assert len(digests(store)) <= max(keep, 2)
        others = [name for name in names if name != names[-1]]
        if others:
            roll_back(store, whole)
            assert start_active(store, whole)[1] == others[-1]


@pytest.mark.parametrize("when", ["fsync", "replace"])
@pytest.mark.parametrize("nth", [0, 1, 2, 3, 4])
def test_whenever_the_power_fails_the_old_or_the_new_is_in_force(
    when: str,
    nth: int,
    store: ModelStore,
    model: Callable[[str], ModelFile],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each step that reaches the disk is the last one, once."""

    class PowerCut(BaseException):
        pass

    fill(store, model, "a")
    steps = iter(range(nth))
    step = {"fsync": os.fsync, "replace": Path.replace}[when]

    def cut(*arguments: object) -> object:
        if next(steps, None) is None:
            raise PowerCut
        return step(*arguments)  # type: ignore[operator]

    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[when], cut)
    try:
        activate_model(store, model("b"), 1)
    except PowerCut:
        pass
    else:
        assert nth >= {"fsync": 5, "replace": 2}[when]
    monkeypatch.undo()
    _, loaded, reasons = start_active(store, whole)
    assert loaded in ("a", "b")
    assert reasons == ()
    activate_model(store, model("b"), 1)
    assert start_active(store, whole)[1] == "b"


def test_a_damaged_model_is_repaired_by_activating_it_again(
    store: ModelStore, model: Callable[[str], ModelFile]
) -> None:
    add(store, model("a"))
    store.model(model("a").sha256).write_bytes(b"torn")
    with pytest.raises(ModelError, match="is damaged"):
        read_stored(store, model("a").sha256)
    add(store, model("a"))
    assert read_stored(store, model("a").sha256) == b"a"


def test_a_prefix_must_name_one_model(store: ModelStore, model: Callable[[str], ModelFile]) -> None:
    fill(store, model, "abcdefghijklmnopqrs", 30)
    one = model("a").sha256
    assert find(store, one) == find(store, one[:20].upper()) == one
    with pytest.raises(ModelError, match="19 models"):
        find(store, "")
    with pytest.raises(ModelError, match="0 models .* begins with 'x': expected one"):
        find(store, "x")


@pytest.mark.parametrize("torn", [b'{"what": "acti', b"\xff\xfe", b"[]\n", b"\n\n"])
def test_a_torn_history_is_passed_over(torn: bytes, store: ModelStore) -> None:
    remember(store, {"what": "first"})
    with store.history.open("ab") as file:
        file.write(torn)
    remember(store, {"what": "second"})
    assert [entry["what"] for entry in read_history(store)] == ["first", "second"]


def test_where_nothing_can_be_written(store: ModelStore, model: Callable[[str], ModelFile]) -> None:
    store.folder.parent.mkdir(exist_ok=True)
    store.folder.write_text("a file")
    with pytest.raises(OutputError, match="cannot change the store"):
        activate_model(store, model("a"), 1)
    with pytest.raises(OutputError, match=r"cannot write .*history\.jsonl"):
        remember(store, {})


def test_stored_models_are_listed(store: ModelStore, model: Callable[[str], ModelFile]) -> None:
    fill(store, model, "abc")
    store.model(model("c").sha256).unlink()
    rows = listed(store)
    assert [row.sha256 for row in rows] == [model(each).sha256 for each in "cab"]
    assert [(row.active, row.rollback) for row in rows] == [
        (True, False), (False, False), (False, True)]  # fmt: skip
    assert all(row.activated_at and row.damage for row in rows)


def test_the_pointer_does_not_grow_for_ever(store: ModelStore) -> None:
    set_activated(store, [f"{each:064x}" for each in range(1000)])
    assert activated(store)[:2] == [f"{0:064x}", f"{1:064x}"]
    assert len(activated(store)) == 100
