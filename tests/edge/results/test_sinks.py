"""Rows are read from the result files as they were written."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.errors import EnvironmentFault, OutputError
from partsight.records import ImageResult, Prediction, Verdict
from partsight.results import CsvSink, JsonLinesSink, MemorySink, file_sink, sink_endings
from partsight.results.csv import csv_row, plain_text

# A path that is not UTF-8, as Python represents it, and other unusual ones.
NOT_UTF8 = os.fsdecode(b"caf\xe9.jpg")
PATHS = ["a.jpg", NOT_UTF8, 'quote".jpg', "comma, and\nnewline.jpg", "ü 部.jpg", "=1+1.jpg"]


def result(path: str) -> ImageResult:
    prediction = Prediction({"defected": 0.25, "healthy": 0.75})
    reason = "healthy 0.750 is above 0.500"
    return ImageResult(path, "f" * 64, prediction, Verdict.ACCEPT, reason=reason)


ROWS = [*(result(path).row() for path in PATHS), ImageResult("b", "f" * 64, error="empty").row()]


def test_a_row_has_the_documented_columns() -> None:
    assert ROWS[0] == {
        "path": "a.jpg",
        "label": "healthy",
        "score": 0.75,
        "scores": {"defected": 0.25, "healthy": 0.75},
        "tile": None,
        "verdict": "accept",
        "reason": "healthy 0.750 is above 0.500",
        "model": "f" * 64,
        "error": None,
    }
    assert list(ROWS[-1]) == list(ROWS[0])
    assert {k: v for k, v in ROWS[-1].items() if v is not None} == {
        "path": "b",
        "model": "f" * 64,
        "error": "empty",
    }


def write(destination: Path, rows: list[dict[str, Any]]) -> Path:
    with file_sink(destination, list(ROWS[0])) as sink:
        for row in rows:
            sink.write(row)
    return destination


def test_json_lines_round_trip(tmp_path: Path) -> None:
    text = write(tmp_path / "out.jsonl", ROWS).read_text("ascii")

    assert [json.loads(line) for line in text.splitlines()] == ROWS


def test_csv_round_trip(tmp_path: Path) -> None:
    path = write(tmp_path / "out.CSV", ROWS)

    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        read = list(csv.DictReader(stream))

    assert len(read) == len(ROWS)
    for row, expected in zip(read, ROWS, strict=True):
        scores = json.loads(row["scores"]) if row["scores"] else None
        score = float(row["score"]) if row["score"] else None
        texts = {key: plain_text(value) or None for key, value in row.items()}
        assert {**texts, "score": score, "scores": scores} == expected


def test_csv_contains_the_exact_bytes_of_a_path(tmp_path: Path) -> None:
    assert b"caf\xe9.jpg" in write(tmp_path / "out.csv", ROWS).read_bytes()


values = st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text()


@given(st.lists(st.fixed_dictionaries({"a": values, "b": st.text()}), max_size=5))
def test_json_lines_take_any_values(rows: list[dict[str, Any]]) -> None:
    stream = io.StringIO()
    sink = JsonLinesSink(stream)
    for row in rows:
        sink.write(row)

    assert [json.loads(line) for line in stream.getvalue().split("\n")[:-1]] == rows


def test_each_line_is_flushed() -> None:
    """The reader of a pipe must get the verdict on the current part."""
    pipe = io.BytesIO()
    stream = io.TextIOWrapper(pipe, encoding="utf-8")

    JsonLinesSink(stream).write({"verdict": "reject"})

    assert pipe.getvalue() == b'{"verdict": "reject"}\n'


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(0)", "'=HYPERLINK(0)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("'=1", "''=1"),
        ("'quoted'", "'quoted'"),
        ("part-1", "part-1"),
        (" =1", " =1"),
        ("", ""),
        (-1.5, -1.5),
        (None, None),
        ({"=a": -1}, '{"=a": -1}'),
    ],
)
def test_no_cell_of_a_csv_is_a_formula(text: Any, cell: Any) -> None:
    assert csv_row([text]) == [cell]
    stream = io.StringIO()
    CsvSink(stream).write({"part_id": text})
    stream.seek(0)
    assert list(csv.reader(stream))[1:] == [["" if cell is None else str(cell)]]


@given(st.text(st.characters(exclude_characters="\0")))
def test_a_cell_gives_its_text_back(text: str) -> None:
    assert plain_text(csv_row([text])[0]) == text


def test_memory_keeps_copies() -> None:
    sink, row = MemorySink(), {"a": 1}
    sink.write(row)
    row["a"] = 2

    assert sink.rows == [{"a": 1}]


@pytest.mark.parametrize("name", ["out.xlsx", "out", "out.txt", ".jsonl"])
def test_unknown_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"\.csv or \.jsonl"), file_sink(tmp_path / name, ["a"]):
        pass
    assert os.listdir(tmp_path) == []


def read_parquet(path: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows and types, read with pyarrow."""
    table = pytest.importorskip("pyarrow.parquet").read_table(path)
    return table.to_pylist(), {field.name: str(field.type) for field in table.schema}


def test_parquet_round_trip(tmp_path: Path) -> None:
    rows, types = read_parquet(write(tmp_path / "out.parquet", ROWS))

    for row in rows:
        row["scores"] = row["scores"] and dict(row["scores"])
    # The only text that Parquet cannot hold is that which is none.
    assert [row["path"] for row in rows[:2]] == ["a.jpg", "caf\\udce9.jpg"]
    assert [{**row, "path": None} for row in rows] == [{**row, "path": None} for row in ROWS]
    assert [row["path"] for row in rows[2:]] == [row["path"] for row in ROWS[2:]]
    assert types["score"] == "double"
    assert types["scores"].startswith("map<string, double")
    assert types["tile"].startswith("list<")
    assert types["error"] == "string"


def test_parquet_has_types_even_if_all_values_are_none(tmp_path: Path) -> None:
    _, some = read_parquet(write(tmp_path / "some.parquet", ROWS))
    _, none = read_parquet(write(tmp_path / "none.parquet", ROWS[-1:]))
    assert some == none


def test_parquet_writes_many_rows_in_groups(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("partsight.results.parquet._GROUP_ROWS", 3)
    path = write(tmp_path / "out.parquet", ROWS)
    parquet = pytest.importorskip("pyarrow.parquet")
    assert parquet.ParquetFile(path).num_row_groups == 3
    assert len(read_parquet(path)[0]) == len(ROWS) == 7


@pytest.mark.parametrize("ending", sink_endings())
def test_a_file_without_rows_has_the_columns_of_one_with_rows(tmp_path: Path, ending: str) -> None:
    """A good night has no rejects; its file must still fit into a data set of many files."""
    empty, full = (write(tmp_path / f"{n}{ending}", rows) for n, rows in enumerate([[], ROWS]))
    assert columns(empty) == columns(full) == (None if ending == ".jsonl" else list(ROWS[0]))


def columns(path: Path) -> list[str] | None:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return csv.DictReader(stream).fieldnames
    if path.suffix == ".parquet":
        return list(read_parquet(path)[1])
    if path.suffix == ".sqlite":
        with contextlib.closing(sqlite3.connect(path)) as database:
            return [each[0] for each in database.execute("SELECT * FROM results").description]
    return None  # each line of JSON lines names its columns


def test_parquet_without_pyarrow_names_the_package(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with (
        pytest.raises(EnvironmentFault, match=r"pip install 'partsight\[parquet\]'"),
        file_sink(tmp_path / "out.parquet", ["a"]),
    ):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", sink_endings())
def test_a_failure_leaves_no_file(tmp_path: Path, ending: str) -> None:
    def fail() -> None:
        with file_sink(tmp_path / f"out{ending}", list(ROWS[0])) as sink:
            sink.write(ROWS[0])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert os.listdir(tmp_path) == []


def test_a_csv_has_no_nul() -> None:
    """Python 3.10 refuses to write NUL, which would stop the sink."""
    stream = io.StringIO()
    CsvSink(stream).write({"text": "a\0b", "number": 1})
    assert stream.getvalue() == "text,number\r\na\N{SYMBOL FOR NULL}b,1\r\n"
