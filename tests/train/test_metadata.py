"""The standard metadata in a file: what is written is read, and the model stays as it was."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.lite.python import schema_py_generated as schema

from partsight.decision.operating_point import OperatingPoint
from partsight.image.normalization import Normalization
from partsight.image.spec import PreprocessSpec
from partsight.inference.interpreter import Interpreter
from partsight.model.contract import Contract
from partsight.model.file import attach_contract, load_model_file
from partsight.model.tflite.flatbuffer import (
    TEXT,
    Scalar,
    TableSchema,
    TablesSchema,
    Union,
    Vector,
    View,
)
from partsight.model.tflite.metadata_schema import ENTRY, MODEL_METADATA
from partsight.model.tflite.model_schema import MODEL
from partsight.model.tflite.standard_metadata import metadata_entry, read_standard_metadata
from partsight.model.tflite.tensors import Tensor, tensors_of
from partsight.model.tflite.verify import verify
from partsight.model.third_party import MARK
from partsight_train.export.flatbuffer_writer import add_metadata, packed
from partsight_train.export.metadata import with_metadata
from partsight_train.settings import CardSettings

SHIPPED = Path(__file__).parents[2] / "models" / "sample-parts-int8.tflite"
INNER = TableSchema({"count": Scalar("I"), "name": TEXT, "shares": Vector("f")})
OUTER = TableSchema(
    {
        "level": Scalar("b"),
        "title": TEXT,
        "unread": None,
        "inner": INNER,
        "many": TablesSchema(INNER),
        "either_type": Scalar("B"),
        "either": Union({1: TableSchema(), 2: INNER}),
    }
)
inner_values = st.fixed_dictionaries(
    {
        "count": st.integers(0, 2**32 - 1),
        "name": st.text(),
        "shares": st.lists(st.floats(width=32, allow_nan=False)),
    }
)


@pytest.fixture(scope="module")
def flatbuffer() -> bytes:
    """The shipped model's, without contract and metadata."""
    whole = SHIPPED.read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as tail:
        return whole[: min(member.header_offset for member in tail.infolist())]


@pytest.fixture
def contract() -> Contract:
    return load_model_file(SHIPPED).contract


def read_inner(view: View) -> dict[str, object]:
    return {
        "count": view.number("count"),
        "name": view.text("name"),
        "shares": view.numbers("shares").tolist(),
    }


@given(st.integers(-128, 127), st.text(), inner_values, st.lists(inner_values, max_size=5))
@settings(deadline=None)
def test_what_is_packed_is_read(level: int, title: str, one: dict, many: list[dict]) -> None:
    values = {"level": level, "title": title, "inner": one, "many": many}
    data = packed(OUTER, {**values, "either_type": 2, "either": one}, b"TEST")
    verify(data, OUTER)
    view = View(data, OUTER)
    assert (view.number("level"), view.text("title")) == (level, title)
    inner, either = view.table("inner"), view.table("either")
    assert inner is not None
    assert either is not None
    assert read_inner(inner) == read_inner(either) == one
    assert [read_inner(each) for each in view.tables("many")] == many


def test_what_is_left_out_is_nothing() -> None:
    view = View(packed(OUTER, {}, b"TEST"), OUTER)
    assert (view.number("level"), view.text("title"), view.tables("many")) == (0, "", [])
    assert view.table("inner") is view.table("either") is None


def test_a_union_of_an_unknown_type_is_not_followed() -> None:
    data = packed(OUTER, {"either_type": 1, "either": {}}, b"TEST")
    assert View(data, OUTER).table("either") is not None
    changed = data.replace(b"\x01", b"\x09")
    later = TableSchema({**OUTER.fields, "either": Union({})})
    verify(data, later)
    assert View(data, later).table("either") is None
    assert changed != data


def test_a_model_with_more_metadata_is_the_same_model(flatbuffer: bytes) -> None:
    larger = add_metadata(flatbuffer, {"first": b"1" * 100, "second": b""})
    verify(larger, MODEL)
    assert larger.endswith(flatbuffer.rstrip(b"\0") + larger[len(larger.rstrip(b"\0")) :])
    before, after = (schema.ModelT.InitFromPackedBuf(each, 0) for each in (flatbuffer, larger))
    kept = len(before.buffers)
    assert [each.name for each in after.metadata[len(before.metadata) :]] == [b"first", b"second"]
    assert metadata_entry(larger, "first") == b"1" * 100
    assert metadata_entry(larger, "second") == b""
    assert metadata_entry(larger, "third") is None
    assert metadata_entry(add_metadata(larger, {"first": b"2"}), "first") == b"2"
    for a, b in zip(before.buffers, after.buffers[:kept], strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    picture = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    scores = [Interpreter(each).invoke(picture) for each in (flatbuffer, larger)]
    np.testing.assert_array_equal(*scores)


def test_weights_stay_where_kernels_may_read_them(flatbuffer: bytes) -> None:
    """Modulo 16 bytes, as TFLite's schema demands it."""

    def places(data: bytes) -> list[int]:
        buffers = View(data, MODEL).tables("buffers")
        found = [(each.target("data"), len(each.numbers("data"))) for each in buffers]
        return [(at + 4) % 16 for at, size in found if at is not None and size]

    before = places(flatbuffer)
    assert len(before) > 50
    assert places(add_metadata(flatbuffer, {"odd": b"12345"})) == [*before, 0]


def test_a_file_says_what_it_is(flatbuffer: bytes, contract: Contract) -> None:
    card = CardSettings("stamped parts", "1.2", "QA & Söhne", "MIT")
    described = with_metadata(flatbuffer, contract, card)
    metadata = read_standard_metadata(described)
    assert metadata is not None
    description = metadata.facts.pop("description")
    assert metadata.facts == {
        "name": "stamped parts",
        "version": "1.2",
        "author": "QA & Söhne",
        "license": "MIT",
    }
    assert description.startswith("Tells defected, healthy parts apart. A part is good where heal")
    assert metadata.labels_file == "labels.txt"
    assert metadata.normalization == Normalization((0.0,), (255.0,))
    assert metadata_entry(described, MARK) is not None
    assert load_model_file(attach_contract(described, contract)).contract == contract


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tiles": (2, 3)}, "scores a tile"),
        ({"preprocess": PreprocessSpec(224, 224, roi=(0.25, 0, 0.5, 1))}, "region (0.25, 0, 0.5"),
        ({"preprocess": PreprocessSpec(224, 224, fit="letterbox")}, "between grey bars"),
        ({"operating_point": OperatingPoint(())}, "apart."),
    ],
)
def test_what_the_standard_has_no_word_for_is_described(
    change: dict, words: str, flatbuffer: bytes, contract: Contract
) -> None:
    changed = dataclasses.replace(contract, **change)
    metadata = read_standard_metadata(with_metadata(flatbuffer, changed, CardSettings()))
    assert metadata is not None
    assert words in metadata.facts["description"]


def test_versions_default_to_the_time_of_training(flatbuffer: bytes, contract: Contract) -> None:
    dated = dataclasses.replace(contract, provenance={"created_at": "2026-01-02T03:04:05+00:00"})
    data = metadata_entry(with_metadata(flatbuffer, dated, CardSettings()), ENTRY)
    assert data is not None
    view = View(data, MODEL_METADATA)
    assert view.text("version") == "2026-01-02T03:04:05+00:00"
    assert view.text("min_parser_version") == "1.0.0"
    assert view.text("author") == ""


def test_tensors_are_read_without_a_runtime(flatbuffer: bytes) -> None:
    native = Interpreter(flatbuffer)
    expected = [
        [Tensor(each.shape, str(each.dtype), each.scale, each.zero_point)]
        for each in (native.input, native.output)
    ]
    assert list(tensors_of(flatbuffer)) == expected
