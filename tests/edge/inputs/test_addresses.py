"""Addresses of cameras and stores among the paths to classify: refused, without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from partsight.cli.main import main
from partsight.inputs.base import InputImage, Unreadable
from partsight.inputs.open import open_inputs
from partsight.utils.known_secrets import known_secrets
from partsight.utils.redaction import redact_text

MODEL = Path(__file__).parents[3] / "models" / "sample-parts-int8.tflite"
SECRET = "SEKRET9"
STREAMS = (
    f"rtsp://admin:{SECRET}@127.0.0.1/s",
    f"RTSP://admin:{SECRET}@127.0.0.1:554/s",
    f"http://h/cgi?user=admin&pwd={SECRET}",
    f"rtsp://h/user=a&password={SECRET}",
    f"rtsp://h/live/admin/{SECRET}",
    f"https://u:{SECRET}@h/x.zip",
    f"https://u:{SECRET}@h/x.txt",
    f"https://u:{SECRET}@h/x.csv",
    f"http://u:{SECRET}@h/*.jpg",
    f"ftp://u:SEK#{SECRET}@h/a.jpg",
    f"file://u:{SECRET}@h/x.jpg",
    f"rtsp:/admin:{SECRET}@127.0.0.1/s",
    f"http:/h/cgi?user=admin&pwd={SECRET}",
    f"admin:{SECRET}@127.0.0.1/s",
    f"//admin:{SECRET}@host/share",
    f"rtspsrc location=rtsp://127.0.0.1/s user-id=admin user-pw={SECRET} ! appsink",
    f"rtspsrc location=rtsp://admin:{SECRET}@127.0.0.1/s ! decodebin ! appsink",
    f"souphttpsrc location=http://h/s user-pw={SECRET}",
)
STORES = (f"s3://KEY:{SECRET}@bucket/2024", f"gs://KEY:{SECRET}@bucket", "hdfs://node/parts")


@pytest.fixture(autouse=True)
def nothing_is_known_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    known_secrets.clear()


@pytest.mark.parametrize("address", [*STREAMS, *STORES])
@pytest.mark.parametrize("way", ["argument", "text", "csv", "python path"])
def test_an_address_is_one_failed_input_without_its_secret(
    tmp_path: Path, address: str, way: str
) -> None:
    given = address
    if way == "text":
        given = "list.txt"
        Path(given).write_text(f"{address}\n", "utf-8")
    elif way == "csv":
        given = "list.csv"
        Path(given).write_text(f'path\n"{address}"\n', "utf-8")
    elif way == "python path":
        given = str(Path(address.replace("file:", "ftp:")))  # file:/x is a local path

    (refused,) = open_inputs([given])

    assert isinstance(refused, Unreadable)
    assert SECRET not in refused.name + refused.reason
    step = "--engine ray" if address in STORES and way != "python path" else "partsight "
    assert step in refused.reason or "--engine ray" in refused.reason


@pytest.mark.parametrize("address", [STREAMS[0], STREAMS[2], STORES[0]])
def test_no_row_file_or_message_of_classify_shows_the_secret(tmp_path: Path, address: str) -> None:
    arguments = ["classify", str(MODEL), address, "-o", "rows.jsonl", "--contact-sheet", "s.html"]

    done = CliRunner().invoke(main, arguments)

    assert done.exit_code == 3
    assert len([line for line in done.stderr.splitlines() if "an address of a" in line]) == 1
    (row,) = map(json.loads, Path("rows.jsonl").read_text("utf-8").splitlines())
    assert row["verdict"] is None
    written = [path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 2
    assert SECRET not in done.output + "".join(written)


@pytest.mark.parametrize("name", ["rtsp:/a/b.png", "u:p@h/s.png", "a:b@c.png", "s3:/x.png"])
def test_what_exists_on_disk_is_no_address(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((2, 4, 3), np.uint8))

    (found,) = open_inputs([name])

    assert isinstance(found, InputImage)
    assert found.name == name


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", str(MODEL), "{}"],
        ["evaluate", "{}", "."],
        ["classify", "{}", "."],
        ["inspect", "{}"],
        ["inspect", str(MODEL), "--labels", "{}"],
        ["sign", "{}", "--key", "{}"],
        ["keygen", "{}"],
        ["journal", "query", "{}"],
        ["config", "check", "{}"],
        ["model", "activate", "{}"],
        ["benchmark", "{}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("address", [STREAMS[0], STREAMS[2], STREAMS[4], STORES[0]])
def test_no_command_that_takes_a_path_shows_the_secret(command: list[str], address: str) -> None:
    done = CliRunner().invoke(main, [word.format(address) for word in command])

    assert done.exit_code in (1, 2, 3)
    assert SECRET not in done.output


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no file rtsp:/h/live/admin/SEKRET9: x", "no file rtsp:/h/live/***: x"),
        ("http:/h/a?user=x&pwd=SEKRET9", "http:/h/a?user=***&pwd=***"),
        ("in /tmp/http:/h/a.png", "in /tmp/http:/h/a.png"),
        ("/data/parts/a.png: 3 of 4", "/data/parts/a.png: 3 of 4"),
    ],
)
def test_an_address_that_lost_a_slash_is_redacted_in_messages(text: str, shown: str) -> None:
    assert redact_text(text) == shown
    assert redact_text(shown) == shown


@pytest.mark.parametrize("address", [STORES[0], STREAMS[0], STREAMS[2]])
@pytest.mark.parametrize(
    "command",
    [
        ("classify", str(MODEL), "parts", "-o"),
        ("classify", str(MODEL), "parts", "--contact-sheet"),
        ("sample-data",),
        ("model", "keygen"),
        ("journal", "export", "j.db", "-o"),
    ],
    ids=lambda command: " ".join(command[:1] + command[-1:]),
)
def test_an_output_is_never_a_folder_named_like_an_address(
    tmp_path: Path, command: tuple[str, ...], address: str
) -> None:
    done = CliRunner().invoke(main, [*command, address])

    assert done.exit_code in (1, 2)
    assert SECRET not in done.output
    assert not any(path.name.endswith(":") for path in tmp_path.iterdir())
