"""The contract of a model file, and damage that is noticed before a runtime opens the file."""

from __future__ import annotations

import dataclasses
import io
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.decision.operating_point import OperatingPoint
from partsight.errors import ContractError, ModelError
from partsight.image.spec import FITS, PreprocessSpec
from partsight.model.contract import Contract
from partsight.model.file import attach_contract, load_model_file

FLATBUFFER = b"\x1c\0\0\0TFL3" + bytes(range(64))
CONTRACT = Contract(
    ("defected", "healthy"),
    PreprocessSpec(224, 192),
    OperatingPoint(("healthy",), 0.9, 0.5, 0.99, 0.995, 0.02),
    {"backbone": "lite0", "images": 300},
)
MODEL = attach_contract(FLATBUFFER, CONTRACT)

# labels.txt has one label per line.
label_texts = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.isprintable)
flatbuffers = st.builds(
    lambda head, tail: head + b"TFL3" + tail, st.binary(min_size=4, max_size=4), st.binary()
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("aä "),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz"), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    labels = draw(st.lists(label_texts, min_size=2, max_size=6, unique=True))
    low, high = sorted(draw(st.tuples(*[st.floats(0, 1)] * 2)))
    share = st.none() | st.floats(0, 1)
    point = OperatingPoint(
        tuple(draw(st.lists(st.sampled_from(labels), unique=True))),
        accept_above=high,
        reject_below=low,
        target_recall=draw(share),
        recall=draw(share),
        false_reject_rate=draw(share),
    )
    spec = PreprocessSpec(
        draw(st.integers(1, 4096)),
        draw(st.integers(1, 4096)),
        fit=draw(st.sampled_from(FITS)),
        roi=draw(st.none() | st.just((0.25, 0.0, 0.5, 1.0))),
        bit_depth=draw(st.none() | st.integers(8, 16)),
    )
    provenance = draw(st.dictionaries(st.text("abc"), json_values, max_size=3))
    return Contract(tuple(labels), spec, point, provenance)


@settings(deadline=None)
@given(flatbuffers, contracts())
def test_an_attached_contract_is_read_back(flatbuffer: bytes, contract: Contract) -> None:
    data = attach_contract(flatbuffer, contract)

    file = load_model_file(data)

    assert file.contract == contract
    assert file.data == data
    assert data.startswith(flatbuffer)
    assert attach_contract(flatbuffer, contract) == data
    with zipfile.ZipFile(io.BytesIO(data)) as tail:
        text = tail.read("labels.txt").decode()
    assert text.split("\n") == [*contract.labels, ""]


def test_a_path_gives_what_its_bytes_give(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(MODEL)

    assert load_model_file(path) == load_model_file(str(path)) == load_model_file(MODEL)


def with_document(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The model with another contract; the flatbuffer's digest is still right."""
    with zipfile.ZipFile(io.BytesIO(MODEL)) as tail:
        document = json.loads(tail.read("partsight.json"))
    changed = change(document)
    stream = io.BytesIO(FLATBUFFER)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as tail:
        tail.writestr("partsight.json", json.dumps(document if changed is None else changed))
    return stream.getvalue()


def put(*keys: str, value: object) -> bytes:
    def change(document: dict[str, Any]) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return with_document(change)


def without(*keys: str) -> bytes:
    def change(document: dict[str, Any]) -> None:
        for key in keys[:-1]:
            document = document[key]
        del document[keys[-1]]

    return with_document(change)


def with_member(name: str, data: bytes) -> bytes:
    stream = io.BytesIO(FLATBUFFER)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as tail:
        tail.writestr(name, data)
    return stream.getvalue()


def flipped(place: int) -> bytes:
    return MODEL[:place] + bytes([MODEL[place] ^ 1]) + MODEL[place + 1 :]


def test_the_helpers_make_valid_models() -> None:
    assert load_model_file(with_document(lambda document: None)).contract == CONTRACT


@pytest.mark.parametrize(
    ("data", "exception", "fragment"),
    [
        pytest.param(b"", ModelError, "not a TFLite model", id="empty"),
        pytest.param(b"PK\3\4" + b"\0" * 90, ModelError, "not a TFLite model", id="another kind"),
        pytest.param(b"\0\0\0\0TFL2", ModelError, "received b'TFL2'", id="another version"),
        pytest.param(MODEL[:-1], ModelError, "is damaged", id="last byte missing"),
        pytest.param(MODEL[:200], ModelError, "is damaged", id="cut in the tail"),
        pytest.param(MODEL[:30], ModelError, "is damaged", id="cut in the model"),
        pytest.param(FLATBUFFER, ModelError, "is damaged", id="no tail"),
        pytest.param(
            with_member("labels.txt", b"a\nb\n"), ModelError, "is damaged", id="other tail"
        ),
        pytest.param(flipped(3), ModelError, "does not have the SHA-256", id="first bytes"),
        pytest.param(flipped(40), ModelError, "does not have the SHA-256", id="in the weights"),
        pytest.param(MODEL[:40] + MODEL[41:], ModelError, "is damaged", id="a byte lost"),
        pytest.param(
            with_member("partsight.json", b"{" * 10), ModelError, "cannot be read", id="no JSON"
        ),
        pytest.param(
            with_member("partsight.json", b"\xff\xfe\xfd"), ModelError, "be read", id="no text"
        ),
        pytest.param(
            with_member("partsight.json", b"[" * 500_000), ModelError, "be read", id="deep JSON"
        ),
        pytest.param(
            with_member("partsight.json", b" " * (1 << 20) + b"{}"),
            ModelError,
            "larger than 1048576 bytes",
            id="too large",
        ),
        pytest.param(put("format", value=2), ContractError, "expected 1", id="newer format"),
        pytest.param(put("format", value="x"), ContractError, "expected 1", id="wrong format"),
        pytest.param(without("format"), ContractError, "expected 1", id="no format"),
        pytest.param(with_document(lambda _: [1]), ContractError, "expected 1", id="a list"),
        pytest.param(put("model_bytes", value="x"), ModelError, "is damaged", id="size of text"),
        pytest.param(put("model_bytes", value=9), ModelError, "is damaged", id="wrong size"),
        pytest.param(without("model_sha256"), ModelError, "is damaged", id="no digest"),
        pytest.param(without("labels"), ContractError, "labels is missing", id="no labels"),
        pytest.param(
            without("preprocess"), ContractError, "preprocess is missing", id="no preprocess"
        ),
        pytest.param(
            without("operating_point"),
            ContractError,
            "operating_point is missing",
            id="no operating point",
        ),
        pytest.param(
            without("operating_point", "accept_labels"),
            ContractError,
            "accept_labels is missing",
            id="no accept labels",
        ),
        pytest.param(without("preprocess", "width"), ContractError, "'width'", id="no width"),
        pytest.param(
            without("provenance"), ContractError, "provenance is missing", id="no provenance"
        ),
        pytest.param(put("labels", value=["a", "a"]), ContractError, "each once", id="label twice"),
        pytest.param(
            put("labels", value=["healthy"]), ContractError, "two or more", id="one label"
        ),
        pytest.param(
            put("labels", value=["healthy", ""]), ContractError, "non-empty", id="empty label"
        ),
        pytest.param(
            put("labels", value=["healthy", 3]),
            ContractError,
            "non-empty printable text",
            id="number",
        ),
        pytest.param(put("labels", value=7), ContractError, "must be a list", id="no list"),
        pytest.param(put("labels", value="ab"), ContractError, "must be a list", id="text"),
        pytest.param(
            put("labels", value=["healthy", "b\nad"]), ContractError, "printable", id="two lines"
        ),
        pytest.param(
            put("operating_point", "accept_labels", value=["good"]),
            ContractError,
            "['good'] are not among",
            id="accepts a label that it has not",
        ),
        pytest.param(
            put("operating_point", "accept_above", value=0.4),
            ContractError,
            "thresholds must be",
            id="thresholds crossed",
        ),
        pytest.param(
            put("operating_point", "accept_above", value=float("nan")),
            ContractError,
            "thresholds must be",
            id="threshold of no number",
        ),
        pytest.param(
            put("operating_point", "accept_above", value="0.5"),
            ContractError,
            "cannot be used",
            id="threshold of text",
        ),
        pytest.param(
            put("operating_point", "beyond", value=1), ContractError, "'beyond'", id="unknown key"
        ),
        pytest.param(
            put("preprocess", "version", value=2),
            ContractError,
            "preprocess version 2 is unknown here",
            id="unknown preprocessing",
        ),
        pytest.param(
            put("preprocess", "height", value=0), ContractError, "must be positive", id="no height"
        ),
        pytest.param(
            put("preprocess", "mean", value=127), ContractError, "'mean'", id="unknown scaling"
        ),
        pytest.param(
            put("threshold", value=1), ContractError, "['threshold'] are keys", id="unknown fact"
        ),
        pytest.param(put("logits", value=1), ContractError, "logits must be", id="no flag"),
        pytest.param(
            put("normalization", value={"mean": [0, 0], "std": [1, 1]}),
            ContractError,
            "a normalization must have",
            id="two channels",
        ),
        pytest.param(
            put("normalization", value={"mean": "x"}), ContractError, "convert", id="mean of text"
        ),
        pytest.param(
            put("normalization", value=None), ContractError, "must be an object", id="no scaling"
        ),
    ],
)
def test_damage_is_refused_in_one_line(
    data: bytes, exception: type[ModelError], fragment: str
) -> None:
    with pytest.raises(ModelError) as refusal:
        load_model_file(data)
    assert type(refusal.value) is exception
    message = str(refusal.value)
    assert "\n" not in message
    assert fragment in message


@pytest.mark.parametrize(
    ("name", "data", "fragment"),
    [
        ("../evil.txt", b"", "'../evil.txt'"),
        ("/etc/evil.txt", b"", "'/etc/evil.txt'"),
        ("golden/../../evil.png", b"", "evil.png"),
        (".hidden", b"", "'.hidden'"),
        ("a\x1b[2J.txt", b"", r"x1b"),
        ("partsight.json", b"{}", "occurs twice"),
        ("labels.txt", b"", "occurs twice"),
        ("golden/0.png", bytes(1 << 23), "unpacks to more than 8 MiB"),
    ],
)
def test_a_zip_tail_of_other_origin_is_refused(name: str, data: bytes, fragment: str) -> None:
    stream = io.BytesIO(MODEL)
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as tail:
        warnings.simplefilter("ignore")  # of the name that is there twice
        tail.writestr(name, data)
    with pytest.raises(ModelError, match="its contract cannot be read") as refused:
        load_model_file(stream.getvalue())
    assert fragment in str(refused.value)


@pytest.mark.parametrize("mask", [0x01, 0x04, 0x06, 0x40, 0x80, 0xFF])
def test_no_changed_byte_passes(mask: int) -> None:
    """A file with one changed byte is refused, unless the byte does not concern the model."""
    for place in range(len(MODEL)):
        _refused_or_the_same(place, mask)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(MODEL) - 1), st.integers(1, 255))
def test_no_byte_changed_to_any_other_passes(place: int, mask: int) -> None:
    _refused_or_the_same(place, mask)


def _refused_or_the_same(place: int, mask: int) -> None:
    data = bytearray(MODEL)
    data[place] ^= mask
    try:
        file = load_model_file(bytes(data))
    except ModelError:
        return
    assert place >= len(FLATBUFFER)
    assert file.contract == CONTRACT


@pytest.mark.parametrize("length", range(0, len(MODEL), 7))
def test_no_shorter_file_passes(length: int) -> None:
    with pytest.raises(ModelError):
        load_model_file(MODEL[:length])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read the model .*none\.tflite: No such file"):
        load_model_file(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match="cannot read the model"):
        load_model_file(tmp_path)


@pytest.mark.parametrize(
    ("change", "exception", "fragment"),
    [
        ({"labels": ("a", "a")}, ValueError, "each once"),
        ({"labels": ("healthy",)}, ValueError, "two or more"),
        ({"labels": ("", "healthy")}, ValueError, "non-empty"),
        ({"labels": ("a", "b")}, ValueError, "not among"),
        ({"tiles": (2,)}, ValueError, "rows and columns"),
        ({"tiles": (2, 0)}, ValueError, "rows and columns"),
        ({"tiles": (2, 1.0)}, ValueError, "rows and columns"),
        ({"tiles": (1, 2), "operating_point": OperatingPoint(())}, ValueError, "accept labels"),
    ],
)
def test_impossible_contracts_are_refused(
    change: dict[str, Any], exception: type[Exception], fragment: str
) -> None:
    with pytest.raises(exception, match=fragment):
        dataclasses.replace(CONTRACT, **change)


def test_the_contract_of_the_shipped_model(model_path: Path) -> None:
    contract = load_model_file(model_path).contract

    assert contract.labels == ("defected", "healthy")
    assert (contract.preprocess.height, contract.preprocess.width) == (224, 224)
    assert contract.operating_point.accept_labels == ("healthy",)
