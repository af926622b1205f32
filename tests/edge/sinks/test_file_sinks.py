"""Files of verdicts: complete lines only, rotated by size and day, with a limit of old files."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.config.sinks import CsvSinkConfig, JsonLinesSinkConfig, StdoutSinkConfig
from partsight.errors import SinkClosed, SinkUnavailable
from partsight.results.repair import whole_bytes
from partsight.sinks.open import open_line_sink
from partsight.sinks.rotating import RotatingSink
from partsight.sinks.stdout import StdoutSink

WHEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
KINDS = ("jsonl", "csv")
AWKWARD = ["plain", 'quote"', "comma,", "line\nline\r\nline", "ü 部", os.fsdecode(b"\xe9"), ""]


def rows(*texts: str) -> list[dict[str, Any]]:
    return [{"seq": seq, "text": text} for seq, text in enumerate(texts, 1)]


def texts(path: Path, kind: str) -> list[str]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        read = map(json.loads, stream) if kind == "jsonl" else csv.DictReader(stream)
        return [row["text"] for row in read]


class Clock:
    def __init__(self) -> None:
        self.now = WHEN

    def __call__(self) -> datetime:
        return self.now


def sink(path: Path, kind: str, **options: Any) -> RotatingSink:
    return RotatingSink(path, kind, **options)


def deliver(path: Path, kind: str, *some: Sequence[str], **options: Any) -> None:
    with sink(path, kind, **options) as opened:
        for each in some:
            opened.deliver(rows(*each))


def ended(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir() if each != path)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_complete_after_reopening(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "new" / f"verdicts.{kind}"
    deliver(path, kind, AWKWARD, ["more"])
    deliver(path, kind, ["again"])

    assert texts(path, kind) == [*AWKWARD, "more", "again"]
    assert ended(path) == []


@pytest.mark.parametrize(
    ("text", "read"), [("\ud800", "\\ud800"), ("\udc80\ud800", "\\udc80\\ud800")]
)
def test_no_text_stops_a_sink(tmp_path: Path, text: str, read: str) -> None:
    """Whoever sends part ids may send half of a character, which no file in UTF-8 can hold."""
    path = tmp_path / "verdicts.csv"
    deliver(path, "csv", [text, "next"])
    assert texts(path, "csv") == [read, "next"]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_on_the_disk_before_they_are_acknowledged(
    tmp_path: Path, kind: str, monkeypatch
) -> None:
    path, synced = tmp_path / f"verdicts.{kind}", []
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda file: (sync(file), synced.append(os.fstat(file).st_size))
    )
    with sink(path, kind) as opened:
        opened.deliver(rows("a", "b"))
        assert synced[-1] == path.stat().st_size > 0


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_kill_tore_is_cut_off(tmp_path: Path, kind: str) -> None:
    """At each byte: complete rows before it are left, and the next row is complete too."""
    path = tmp_path / f"verdicts.{kind}"
    deliver(path, kind, AWKWARD)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        deliver(path, kind, ["next"])
        kept = texts(path, kind)
        assert kept == [*AWKWARD[: len(kept) - 1], "next"]


@settings(max_examples=50, deadline=None)
@given(
    # Python 3.10 writes no NUL; neither does CsvSink.
    some=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
    cut=st.integers(0, 300),
)
def test_any_torn_csv_is_mended(tmp_path_factory, some: list[str], cut: int) -> None:
    path = tmp_path_factory.mktemp("torn") / "verdicts.csv"
    stream = io.StringIO()
    writer = csv.writer(stream)
    ends = [0]
    for number, text in enumerate(["text", *some]):
        writer.writerow([number or "seq", text, *"xxxxxx"])
        ends.append(len(stream.getvalue().encode()))
    path.write_bytes(stream.getvalue().encode()[:cut])

    assert whole_bytes(path, "csv") == max(end for end in ends if end <= max(0, cut))


OWN = {
    "csv": b"seq,text\r\n1,a\r\n2,b\r\n",
    "jsonl": b'{"seq": 1, "text": "a"}\n{"seq": 2, "text": "b"}\n',
}


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("csv", OWN["csv"].replace(b"\r\n", b"\n"), "row 1 ends with"),
        ("csv", OWN["csv"] + b"3,c\n4,d\n", "row 4 ends with"),
        ("csv", b"name,price\r\nbolt,1\r\n", "first column"),
        ("csv", b"hello", "expected the beginning"),
        ("csv", OWN["csv"].replace(b"1,a", b'1,"a'), "a quote that is never closed"),
        ("csv", OWN["csv"].replace(b"1,a", b"1,a,z"), "row 2 has 3 fields"),
        ("csv", OWN["jsonl"], "row 1 ends with"),
        ("csv", b"\x00\xff" * 40 + b"\r\n", "first column"),
        ("jsonl", OWN["csv"], "line 1 is no JSON object"),
        ("jsonl", OWN["jsonl"].replace(b"\n", b"\r\n"), "line 1 is no JSON object"),
        ("jsonl", b'{"price": 1}\n', "line 1 has no 'seq'"),
        ("jsonl", b"[1, 2", "expected the beginning"),
        ("jsonl", b'{"seq": 1}\n\n', "line 2 is no JSON object"),
    ],
)
def test_a_file_of_another_writer_is_moved_aside(
    tmp_path: Path, kind: str, content: bytes, reason: str, caplog
) -> None:
    path = tmp_path / f"verdicts.{kind}"
    path.write_bytes(content)
    deliver(path, kind, ["next"], now=Clock())

    assert texts(path, kind) == ["next"]
    assert ended(path) == [f"verdicts.{kind}.not-ours-20240506T070809Z"]
    assert (tmp_path / ended(path)[0]).read_bytes() == content
    assert reason in caplog.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["removed", "moved", "replaced", "folder removed"])
def test_no_row_is_acknowledged_into_a_file_without_its_name(
    tmp_path: Path, kind: str, how: str
) -> None:
    path, moved = tmp_path / "results" / f"verdicts.{kind}", tmp_path / "moved"
    with sink(path, kind) as opened:
        opened.deliver(rows("before"))
        if how == "removed":
            path.unlink()
        elif how == "folder removed":
            shutil.rmtree(path.parent)
        else:
            path.rename(moved)
            if how == "replaced":
                path.write_bytes(OWN[kind])
        with pytest.raises(SinkUnavailable, match="moved, removed or replaced"):
            opened.deliver(rows("after"))
    # What a delivery worker does next:
    deliver(path, kind, ["after"])
    assert texts(path, kind) == (["a", "b", "after"] if how == "replaced" else ["after"])


def test_a_path_that_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "verdicts.csv")
    with pytest.raises(SinkUnavailable, match="not a regular file"):
        sink(tmp_path / "verdicts.csv", "csv").__enter__()


@pytest.mark.parametrize("kind", KINDS)
def test_others_have_no_access_to_the_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "results" / f"verdicts.{kind}"
    before = os.umask(0)
    try:
        deliver(path, kind, ["a"])
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.parent.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_file_is_rotated(tmp_path: Path, kind: str) -> None:
    path, clock = tmp_path / f"verdicts.{kind}", Clock()
    batches = [[f"{number}"] for number in range(10, 60)]
    with sink(path, kind, max_bytes=60, keep=2, now=clock) as opened:
        for batch in batches:
            opened.deliver(rows(*batch))
            clock.now += timedelta(seconds=1)
    files = [*(tmp_path / name for name in sorted(ended(path))), path]
    kept = [text for file in files for text in texts(file, kind)]

    assert len(files) == 3
    assert kept == [f"{number}" for number in range(10, 60)][-len(kept) :]
    assert all(60 <= file.stat().st_size < 120 for file in files[:-1])


def test_rotated_files_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    deliver(path, "jsonl", *[[f"{n}"] for n in range(5)], max_bytes=1, keep=3, now=Clock())

    assert ended(path) == [
        "verdicts-000002-20240506T070809Z.jsonl",
        "verdicts-000003-20240506T070809Z.jsonl",
        "verdicts-000004-20240506T070809Z.jsonl",
    ]
    assert [texts(tmp_path / name, "jsonl") for name in ended(path)] == [["1"], ["2"], ["3"]]


@pytest.mark.parametrize("again", [False, True])
def test_a_file_is_ended_with_the_day(tmp_path: Path, again: bool) -> None:
    path, clock = tmp_path / "verdicts.csv", Clock()
    first = sink(path, "csv", daily=True, now=clock)
    with first:
        first.deliver(rows("monday"))
        clock.now += timedelta(hours=2)
        first.deliver(rows("still monday"))
    os.utime(path, (clock.now.timestamp(),) * 2)
    clock.now += timedelta(days=1)
    second = sink(path, "csv", daily=True, now=clock) if again else first
    with second:
        second.deliver(rows("tuesday"))

    assert ended(path) == ["verdicts-000001-20240507T090809Z.csv"]
    assert texts(tmp_path / ended(path)[0], "csv") == ["monday", "still monday"]
    assert texts(path, "csv") == ["tuesday"]


@pytest.mark.parametrize("days", [-4000, -1, 1, 4000])
def test_a_wrong_clock_does_not_change_which_files_are_the_newest(
    tmp_path: Path, days: int
) -> None:
    path, clock = tmp_path / "verdicts.jsonl", Clock()
    older = tmp_path / "verdicts-20240101T000000Z.jsonl"  # of a version without numbers
    older.write_text('{"seq": 1, "text": "older"}\n')
    for number in range(6):
        clock.now = WHEN + timedelta(days=days * (number == 3), seconds=number)
        deliver(path, "jsonl", [f"{number}"], max_bytes=1, keep=3, now=clock)

    kept = [texts(tmp_path / name, "jsonl")[0] for name in ended(path)]
    assert sorted(kept) == ["2", "3", "4"]


def test_only_its_own_files_are_deleted(tmp_path: Path) -> None:
    others = ["verdicts-old.jsonl", "verdicts-20240101T000000Z.csv", "other-20240101T000000Z.jsonl"]
    for name in others:
        (tmp_path / name).write_text("mine")
    path = tmp_path / "verdicts.jsonl"
    deliver(path, "jsonl", ["a"], ["b"], max_bytes=1, keep=0, now=Clock())

    assert set(ended(path)) == set(others)


def test_other_columns_start_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    path.write_bytes(b"seq,label\r\n1,healthy\r\n")
    deliver(path, "csv", ["a"], now=Clock())

    assert texts(path, "csv") == ["a"]
    assert (tmp_path / ended(path)[0]).read_bytes().startswith(b"seq,label")


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_does_not_let_us_is_away(tmp_path: Path, kind: str, monkeypatch) -> None:
    path = tmp_path / f"verdicts.{kind}"

    def refuse(file: int) -> None:
        raise OSError(28, "No space left on device")

    with sink(path, kind) as opened:
        opened.deliver(rows("a"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            with pytest.raises(SinkUnavailable, match="No space left on device. Expected"):
                opened.deliver(rows("b"))
        opened.deliver(rows("b"))
    assert texts(path, kind)[-1] == "b"


def test_a_folder_in_the_way_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    opening = sink(tmp_path / "file" / "verdicts.csv", "csv")
    with pytest.raises(SinkUnavailable, match="cannot write"):
        opening.__enter__()


@pytest.mark.parametrize("kind", KINDS)
def test_configured_sinks_are_opened(tmp_path: Path, kind: str) -> None:
    section = {"jsonl": JsonLinesSinkConfig, "csv": CsvSinkConfig}[kind]
    path = tmp_path / f"verdicts.{kind}"
    with open_line_sink(section(kind=kind, path=path, max_mb=0.000001, keep=1)) as opened:
        for text in "abc":
            opened.deliver(rows(text))
            opened.report({"states": {}})
    assert texts(path, kind) == ["c"]
    assert len(ended(path)) == 1


def test_standard_output_gets_lines(capsys) -> None:
    with open_line_sink(StdoutSinkConfig(kind="stdout")) as opened:
        opened.deliver(rows("a", "b"))
        opened.report({"states": {}})
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows("a", "b")


def test_a_full_disk_behind_the_standard_output_loses_no_row(tmp_path: Path) -> None:
    """The row that failed stays in the stream's buffer: it is written before the next."""
    full = open("/dev/full", "w")  # noqa: SIM115 - its close fails
    with pytest.raises(SinkUnavailable, match="No space left"):
        StdoutSink(full).deliver(rows("a"))
    with contextlib.suppress(OSError):
        full.close()


def test_a_standard_output_that_was_never_open_is_closed() -> None:
    with pytest.raises(SinkClosed):
        StdoutSink(None).deliver(rows("a"))


def test_a_closed_stream_raises_sink_closed() -> None:
    stream = io.StringIO()
    opened = StdoutSink(stream)
    opened.deliver(rows("a"))
    stream.close()
    for text in "bc":
        with pytest.raises(SinkClosed, match="no process reads the standard output"):
            opened.deliver(rows(text))


READER_LEAVES = """
import contextlib, sys
from partsight.errors import SinkClosed
from partsight.sinks.stdout import open_sink
with open_sink(None) as sink:
    sink.deliver([{"a": 1}])
    sys.stdin.readline()
    for _ in range(3):
        with contextlib.suppress(SinkClosed):
            sink.deliver([{"a": 2}])
print("lost")
sys.stderr.write("alive")
"""


def test_a_reader_that_leaves_does_not_end_the_line() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", READER_LEAVES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == '{"a": 1}\n'
        process.stdout.close()
        process.stdin.write("\n")
        process.stdin.close()
        said = process.stderr.read()
    assert process.returncode == 0
    assert said.endswith("alive")
    assert "Exception ignored" not in said
