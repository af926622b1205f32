"""Text files as other systems write them: the same text, whatever the encoding and line ends."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.utils.tables import table_rows
from partsight.utils.text_files import (
    decode_text,
    encoding_of,
    nfc,
    open_text,
    read_json,
    read_lines,
    read_text,
    split_lines,
)

TEXT = "healthy\r\ndéfaut 良品\r\n"
ENCODINGS = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with a mark": TEXT.encode("utf-8-sig"),
    "UTF-16-LE with a mark": b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "UTF-16-BE with a mark": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-32-LE with a mark": b"\xff\xfe\0\0" + TEXT.encode("utf-32-le"),
    "UTF-32-BE with a mark": b"\0\0\xfe\xff" + TEXT.encode("utf-32-be"),
    "UTF-16-LE": TEXT.encode("utf-16-le"),
    "UTF-16-BE": TEXT.encode("utf-16-be"),
}


@pytest.mark.parametrize("data", ENCODINGS.values(), ids=ENCODINGS)
def test_one_text_in_every_encoding(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(data)
    assert decode_text(data) == read_text(path) == TEXT
    assert read_lines(path) == ["healthy", "défaut 良品"]
    with open_text(path) as stream:
        assert stream.read() == TEXT


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_any_text_is_decoded(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == text


@given(st.lists(st.text("abc/._-0äß良品", min_size=2, max_size=20), min_size=2))
def test_paths_in_utf_16_without_a_mark_are_recognized(paths: list[str]) -> None:
    text = "".join(f"parts/{path}.png\r\n" for path in paths)
    assert decode_text(text.encode("utf-16-le")) == text
    assert decode_text(text.encode("utf-16-be")) == text


@given(st.lists(st.binary(min_size=1, max_size=30).filter(lambda b: not set(b) & {0, 10, 13})))
def test_a_nul_separated_list_of_paths_is_not_utf_16(names: list[bytes]) -> None:
    data = b"".join(b"parts/" + name + b"\0" for name in names)
    assert encoding_of(data) == (None if names else "utf-8")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"ok\nbesch\xe4digt\n", r"line 2 .* UTF-8 \(byte 0xe4\)", id="Latin-1"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "NUL bytes", id="a picture"),
        pytest.param(b"\xff\xfe\0", "line 1 is not text in UTF-16", id="half a character"),
        pytest.param(b"a\0b", "NUL bytes", id="a NUL within"),
    ],
)
def test_binary_data_is_refused_without_quoting_it(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        decode_text(data)
    assert "digt" not in str(refusal.value)


def test_bytes_of_paths_that_are_not_utf_8_are_kept() -> None:
    assert decode_text(b"teil-\xe4.png", "surrogateescape") == "teil-\udce4.png"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\nb\n", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\rb\r", ["a", "b"]),
        (" a \n\n\tb\n", ["a", "", "b"]),
        ("a\n\ufeffb\n", ["a", "b"]),
        ("a\x0bb\u2028c\x85d\n", ["a\x0bb\u2028c\x85d"]),
    ],
)
def test_lines(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["path", "Path ", "PATH"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_tables_of_every_delimiter(delimiter: str, header: str, end: str) -> None:
    lines = [f"label{delimiter}{header}", f'ok{delimiter}"a{delimiter}b.png"', "", f"{delimiter}c"]
    stream = io.StringIO(end.join(lines), newline="")
    assert list(table_rows(stream, ("path",))) == [
        ["label", header],
        ["ok", f"a{delimiter}b.png"],
        ["", "c"],
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a.png;ok\nb.png;nok\n", [["a.png", "ok"], ["b.png", "nok"]]),
        ("a,b.png;ok\nb.png;nok\n", [["a,b.png", "ok"], ["b.png", "nok"]]),
        ("sep=;\na,b;ok\n", [["a,b", "ok"]]),
        ("a;b.png\nc.png\n", [["a;b.png"], ["c.png"]]),
        ("score;path\n0,5;a.png\n", [["score", "path"], ["0,5", "a.png"]]),
        ("", []),
    ],
)
def test_the_delimiter_of_a_table(text: str, rows: list[list[str]]) -> None:
    assert list(table_rows(io.StringIO(text, newline=""), ("path",))) == rows


def test_json(tmp_path: Path) -> None:
    (tmp_path / "it.json").write_bytes('{"0": "häl"}'.encode("utf-16"))
    assert read_json(tmp_path / "it.json") == {"0": "häl"}


def test_nfc() -> None:
    assert nfc("a\u0308") == "ä"
