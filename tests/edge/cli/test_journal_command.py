"""``partsight journal`` on the command line."""

from __future__ import annotations

import csv
import json
import os
import re
import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from partsight.cli.main import main
from partsight.config.location import CONFIG_VARIABLE
from partsight.journal import Journal, read_rows


def run(*arguments: str | Path) -> Result:
    texts = [os.fspath(argument) for argument in arguments]
    return CliRunner().invoke(main, ["journal", *texts], prog_name="partsight")


def seqs(result: Result) -> list[int]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["seq"] for line in result.stdout.splitlines()]


VERDICTS = ["accept", "reject", "review"]


@pytest.fixture
def path(tmp_path: Path, make_row) -> Path:
    """Twelve verdicts, a minute apart from 07:08:09.123 UTC on; the last two by another model."""
    with Journal(tmp_path / "journal.db") as journal:
        for number in range(12):
            columns: dict[str, Any] = {
                "verdict": VERDICTS[number % 3],
                "part_id": f"SN-{number % 5}",
            }
            if number >= 10:
                columns |= {"model": "abc" + "0" * 61, "model_version": "4"}
            journal.append(make_row(number, **columns))
        journal.event("started", {"version": "1"})
        journal.event("model_swapped", {"model": "abc"})
    return journal.path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], list(range(1, 13))),
        (["--limit", "2"], [11, 12]),
        (["--verdict", "reject"], [2, 5, 8, 11]),
        (["--verdict", "reject", "--limit", "2"], [8, 11]),
        (["--part", "SN-1"], [2, 7, 12]),
        (["--part", "SN-1", "--verdict", "reject"], [2]),
        (["--part", "SN-1", "--limit", "1"], [12]),
        (["--part", "SN-9"], []),
        (["--part", ""], []),
        (["--part", "%"], []),
        (["--model", "abc"], [11, 12]),
        (["--model", "4"], [11, 12]),
        (["--model", "f" * 64, "--limit", "1"], [10]),
        (["--model", "c"], []),
        (["--since", "2024-05-06T07:18:09.123Z"], [11, 12]),
        (["--since", "2024-05-06T09:18:09.123+02:00"], [11, 12]),
        (["--since", "2024-05-06T07:18:09.124Z"], [12]),
        (["--until", "2024-05-06T07:10:09.123Z"], [1, 2]),
        (["--until", "2024-05-06T07:10:09.123Z", "--limit", "1"], [2]),
        (
            ["--since", "2024-05-06T07:10:00Z", "--until", "2024-05-06T07:15:00Z"]
            + ["--verdict", "accept"],
            [4, 7],
        ),
        (["--since", "2024-05-06T08:00:00Z"], []),
        (["--since", "8h"], []),
        (["--until", "8h", "--limit", "1"], [12]),
        (["--since", "999999d", "--limit", "1"], None),
    ],
)
def test_query_selects_verdicts(path: Path, options: list[str], expected: list[int] | None) -> None:
    result = run("query", path, "--json", *options)
    if expected is None:
        assert result.exit_code == 2
    else:
        assert seqs(result) == expected


def test_query_prints_all_columns(path: Path) -> None:
    lines = run("query", path, "--json").stdout.splitlines()
    assert list(map(json.loads, lines)) == read_rows(path)


def test_query_prints_more_rows_than_a_page(path: Path, monkeypatch) -> None:
    monkeypatch.setattr("partsight.journal.selection.PAGE_ROWS", 2)
    assert seqs(run("query", path, "--json", "--verdict", "reject")) == [2, 5, 8, 11]
    assert seqs(run("query", path, "--json", "--part", "SN-1")) == [2, 7, 12]


def test_a_time_without_a_zone_is_local(path: Path) -> None:
    local = datetime(2024, 5, 6, 7, 18, 9, 123000, timezone.utc).astimezone()
    text = local.replace(tzinfo=None).isoformat()
    assert seqs(run("query", path, "--json", "--since", text)) == [11, 12]


def test_times_of_different_zones_are_compared(tmp_path: Path, make_row) -> None:
    zones = [timezone(timedelta(hours=hours)) for hours in (0, 9, -7, 2)]
    with Journal(tmp_path / "journal.db") as journal:
        for number, zone in enumerate(zones):
            captured = datetime(2024, 5, 6, 12, number, tzinfo=timezone.utc).astimezone(zone)
            # Without a time in the id, the time of capture counts.
            journal.append(make_row(number, id="x", captured_at=captured.isoformat()))
    result = run("query", journal.path, "--json", "--since", "2024-05-06T12:02:00Z")
    assert seqs(result) == [3, 4]


def test_query_prints_a_table_for_people(path: Path) -> None:
    lines = run("query", path, "--limit", "2").stdout.splitlines()

    assert lines[0].split()[:6] == ["seq", "inspected_at", "part_id", "verdict", "label", "score"]
    assert lines[1].split()[:6] == [
        *("11", "2024-05-06T07:18:09.123+00:00", "SN-0", "reject", "healthy", "0.7500")
    ]
    assert len({line.index("healthy") for line in lines[1:]}) == 1


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path, make_row) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append(make_row(1, part_id="\x1b[2J\nSN"))
    shown = run("query", journal.path).stdout
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 2


def test_query_prints_events(path: Path) -> None:
    assert seqs(run("query", path, "--events", "--json")) == [1, 2]
    assert seqs(run("query", path, "--events", "--json", "--limit", "1")) == [2]
    assert seqs(run("query", path, "--events", "--json", "--until", "8h")) == []
    shown = run("query", path, "--events").stdout.splitlines()
    assert shown[0].split() == ["seq", "at", "kind", "detail"]
    assert shown[2].endswith('model_swapped  {"model": "abc"}')


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_export_writes_verdicts_with_all_columns(path: Path, tmp_path: Path, ending: str) -> None:
    output = tmp_path / "out" / f"rows.{ending}"
    result = run("export", path, "-o", output, "--verdict", "reject")

    assert result.exit_code == 0, result.output
    assert result.stderr.endswith(f"4 verdicts in {output}\n")
    expected = [row for row in read_rows(path) if row["verdict"] == "reject"]
    if ending == "jsonl":
        assert list(map(json.loads, output.read_text().splitlines())) == expected
        return
    if ending == "csv":
        read: list[dict[str, Any]] = list(csv.DictReader(output.open(newline="")))
        rows = [{**row, "scores": json.loads(row["scores"])} for row in read]
    else:
        read = pytest.importorskip("pyarrow.parquet").read_table(output).to_pylist()
        rows = [{**row, "scores": dict(row["scores"])} for row in read]
        assert read[0]["captured_at"] == datetime(2024, 5, 6, 7, 9, 9, 123000, timezone.utc)
        assert [row["frame"] for row in read] == [1, 4, 7, 10]
        assert dict(read[0]["stages_ms"]) == {"preprocess": 0.5, "invoke": 4.25}
    assert list(rows[0]) == list(expected[0])
    for name in ("id", "part_id", "scores", "model"):
        assert [row[name] for row in rows] == [row[name] for row in expected]


def test_verify_prints_a_head_that_can_be_expected(path: Path) -> None:
    result = run("verify", path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        "verdicts: 12 rows unchanged",
        "events: 2 rows unchanged",
    ]
    head = lines[2].removeprefix("head ")
    assert run("verify", path, "--expect", head).exit_code == 0
    found = json.loads(run("verify", path, "--expect", head.upper(), "--json").stdout)
    assert found == {
        "rows": {"verdicts": 12, "events": 2},
        "pruned": {"verdicts": 0, "events": 0},
        "head": head,
    }


def test_verify_names_the_first_bad_row_in_one_line(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE verdicts SET verdict = 'accept' WHERE seq IN (5, 8)")
    connection.commit()
    connection.close()
    result = run("verify", path)

    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert re.search(r"row 5 \([0-9a-f-]{24}000000000004\) was changed", line)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["query", "{folder}/none.db"], 1, "there is no such file"),
        (["verify", "{folder}/text.db"], 1, "cannot read the journal"),
        (["query", "{folder}/other.db"], 1, "received another kind of file"),
        (["export", "{folder}/none.db", "-o", "{folder}/out.csv"], 1, "there is no such file"),
        (["export", "{path}", "-o", "{folder}/out.xls"], 2, "must end in"),
        (["export", "{path}"], 2, "Missing option '-o'"),
        (["verify", "{path}", "--expect", "12"], 2, "must be SEQ:HASH"),
        (["verify", "{path}", "--expect", "13:" + "0" * 64], 1, "row 13 is missing"),
        (
            ["verify", "{path}", "--expect", "3:" + "0" * 64],
            1,
            "row 3 differs from the head of an earlier check",
        ),
        (["query", "{path}", "--since", "yesterday"], 2, "'yesterday' is not a time such as"),
        (["query", "{path}", "--verdict", "bad"], 2, "is not one of"),
        (["query", "{path}", "--events", "--part", "x"], 2, "select verdicts, not --events"),
        (["query"], 2, "name the journal, or a configuration"),
    ],
)
def test_impossible_requests_are_one_line(
    path: Path, tmp_path: Path, monkeypatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.setattr("partsight.config.location.SYSTEM_CONFIG", tmp_path / "no.toml")
    (tmp_path / "text.db").write_text("no journal at all\n" * 100)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    before = sorted(os.listdir(tmp_path))

    result = run(*(each.format(path=path, folder=tmp_path) for each in arguments))

    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr.splitlines()[-1]
    left = set(os.listdir(tmp_path)) - {"journal.db-wal", "journal.db-shm"}
    assert sorted(left) == sorted(set(before))


def test_the_journal_defaults_to_that_of_the_configuration(
    path: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, "")
    config = tmp_path / "partsight.toml"
    config.write_text("[journal]\npath = 'journal.db'")
    assert len(seqs(run("query", "--config", config, "--json"))) == 12


@pytest.mark.parametrize("name", ["query", "export", "verify"])
def test_each_help_has_an_example(name: str) -> None:
    assert f"\n    partsight journal {name} " in run(name, "--help").stdout
