"""Models of other tools on the command line: label files, facts given by hand, and warnings."""

from __future__ import annotations

import csv
import dataclasses
import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.edge.model.tiny_models import TinyModel

from partsight import Classifier
from partsight.cli.main import main
from partsight.decision.operating_point import OperatingPoint
from partsight.model.file import load_model_file
from partsight.model.third_party import ModelOverrides
from partsight.model_store.start import start
from partsight.model_store.store import ModelStore, activated
from partsight.telemetry.telemetry import Telemetry

# The more green a picture is, the better the part: output 0 is healthy.
MODEL = TinyModel(((0.0, 8.0, 0.0), (0.0, 0.0, 0.0)), (-4.0, 0.0))
NO_GOOD_LABEL = "no label of the model is known to mean a good part, so every verdict will be"


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A float model and a folder of a green and a black picture; the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("theirs.tflite").write_bytes(MODEL.written())
    for label, green in (("defected", 0), ("healthy", 250)):
        Path("parts", label).mkdir(parents=True)
        # With some contrast, as pictures of parts have.
        image = np.zeros((40, 60, 3), np.uint8)
        image[:, :, 1] = green
        image[:10, :, 2] = 200
        cv2.imwrite(f"parts/{label}/1.png", image)
    return tmp_path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def classified(*options: object) -> tuple[dict[str, str | None], Result]:
    """Verdict of each picture by its folder."""
    result = invoke("classify", "theirs.tflite", "parts", *options)
    rows = [json.loads(line) for line in result.stdout.splitlines()] if result.stdout else []
    return {Path(row["path"]).parent.name: row["verdict"] for row in rows}, result


RIGHT = {"defected": "reject", "healthy": "accept"}


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(b"healthy\ndefected\n", id="lines"),
        pytest.param(b"0 healthy\n1 defected\n", id="indexes"),
        pytest.param(b"1: defected\r\n0: healthy\r\n", id="indexes in another order"),
        pytest.param("\ufeff1;defected\r\n0;healthy".encode(), id="a mark, and semicolons"),
        pytest.param("1 defected\r\n0 healthy\r\n".encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"defected": 1, "healthy": 0}', id="JSON"),
        pytest.param(b"0 Gutteil \n1 defected\n\n", id="another name, and spaces"),
        pytest.param(b"0_good\n1_bad\n", id="names with digits"),
    ],
)
@pytest.mark.parametrize("scale", [("--scale", "1", "--offset", "0"), ("--scale", "1")])
def test_a_label_file_in_every_form(theirs: Path, labels: bytes, scale: tuple[str, ...]) -> None:
    Path("theirs.tflite").write_bytes(
        dataclasses.replace(MODEL, weights=((0.0, 8 / 255, 0.0), (0.0, 0.0, 0.0))).written()
    )
    Path("labels.txt").write_bytes(labels)
    verdicts, result = classified("--labels", "labels.txt", *scale)
    assert result.exit_code == 0, result.output
    assert verdicts == RIGHT
    assert NO_GOOD_LABEL not in result.stderr


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (b"0 healthy\n2 defected\n", "index 1 is missing"),
        (b"0 healthy\n0 defected\n", "index 0 occurs twice"),
        (b"0 healthy\ndefected\n", "some lines seem to have an index"),
        (b"0 healthy\n1 defected\n2 scratched\n", "gives 2 scores: expected 2 labels"),
        (b"gut\nausschu\xdf\n", "line 2 is not text in UTF-8 (byte 0xdf)"),
        (b"good\nOK\n", "every label of theirs.tflite names good parts"),
    ],
)
def test_a_label_file_that_is_wrong_is_one_line(theirs: Path, labels: bytes, message: str) -> None:
    Path("labels.txt").write_bytes(labels)
    verdicts, result = classified("--labels", "labels.txt", "--scale", 1 / 255)
    assert result.exit_code == 1
    assert not verdicts
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "command",
    [
        ("classify", "theirs.tflite", "parts/healthy"),
        ("watch", "theirs.tflite", "--source", "parts/healthy"),
        ("evaluate", "theirs.tflite", "parts"),
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize(
    ("labels", "options", "warned"),
    [
        ("healthy\ndefected\n", (), False),
        ("zustand_a\ndefected\n", (), True),
        ("ok_but_scratched\ndefected\n", (), True),
        ("zustand_a\ndefected\n", ("--accept-label", "zustand_a"), False),
        ("zustand ä\ndefected\n", ("--accept-label", "zustand a\u0308"), False),
    ],
)
def test_it_is_told_once_that_no_label_is_good(
    theirs: Path, command: tuple[str, ...], labels: str, options: tuple[str, ...], warned: bool
) -> None:
    Path("labels.txt").write_text(labels, "utf-8")
    if command[0] == "evaluate":
        Path("parts/healthy").rename(Path("parts", labels.split("\n")[0]))
    result = invoke(*command, "--labels", "labels.txt", "--scale", 1 / 255, *options)
    assert result.exit_code == 0, result.output
    assert result.stderr.count(NO_GOOD_LABEL) == warned
    if warned:
        assert "name it with --accept-label. Labels: " in result.stderr


def test_python_is_warned_through_the_log(theirs: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = ModelOverrides(("a", "b"), scale=1 / 255)
    with caplog.at_level(logging.WARNING, "partsight"):
        Classifier.load("theirs.tflite", overrides=given)
    (record,) = (each for each in caplog.records if NO_GOOD_LABEL in each.message)
    assert record.levelno == logging.WARNING
    caplog.clear()
    Classifier.load("theirs.tflite", overrides=dataclasses.replace(given, accept_labels=("a",)))
    assert NO_GOOD_LABEL not in caplog.text


def test_of_an_own_model_training_is_named(make_model: object) -> None:
    assert callable(make_model)
    contract = load_model_file(make_model("none", operating_point=OperatingPoint(()))).contract
    assert contract.advice is not None
    assert "train again with --accept-label" in contract.advice


def test_activating_a_model_without_a_good_label_tells_so(theirs: Path, make_model: object) -> None:
    assert callable(make_model)
    Path("none.tflite").write_bytes(make_model("none", operating_point=OperatingPoint(())))
    result = invoke("model", "activate", "none.tflite", "--store", "store")
    assert result.exit_code == 0, result.output
    assert result.stderr.count(NO_GOOD_LABEL) == 1


def test_a_store_takes_a_model_with_facts_given_by_hand_and_loads_it_once(theirs: Path) -> None:
    loaded = []

    def load(data: bytes) -> Classifier:
        loaded.append(data)
        given = ModelOverrides(("healthy", "defected"), scale=1 / 255)
        return Classifier.load(data, trusted=True, overrides=given)

    store = ModelStore(theirs / "store")
    classifier = start(store, load, Telemetry(), lambda *_: None, first=Path("theirs.tflite"))
    assert activated(store) == [classifier.model_sha256]
    assert len(loaded) == 1


def test_a_table_that_classify_wrote_is_a_list_after_a_spreadsheet_saved_it(theirs: Path) -> None:
    Path("labels.txt").write_text("healthy\ndefected\n")
    facts = ("--labels", "labels.txt", "--scale", 1 / 255)
    assert invoke("classify", "theirs.tflite", "parts", "-o", "out.csv", *facts).exit_code == 0
    with open("out.csv", newline="") as stream:
        rows = list(csv.reader(stream))
    with open("saved.csv", "w", newline="", encoding="utf-16") as stream:
        csv.writer(stream, delimiter=";").writerows(rows)
    result = invoke("classify", "theirs.tflite", "saved.csv", *facts)
    assert result.exit_code == 0, result.output
    paths = [json.loads(line)["path"] for line in result.stdout.splitlines()]
    assert paths == ["parts/defected/1.png", "parts/healthy/1.png"]
