"""A product's name from ``train`` into every file of the run, and through copies of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.train.conftest import write_parts

from partsight.cli.main import main
from partsight.model.facts import file_facts
from partsight.model.file import load_model_file
from partsight_train.run.run_dir import DELIVERY


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def run(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("product")
    parts = write_parts(folder / "parts", per_label=30)
    where = ("-o", folder / "run", "--backbone", tiny_backbone)
    result = invoke("train", parts, *where, "--product", " M8 bolt ", "--model-version", "7")
    assert result.exit_code == 0, result.output
    return folder / "run"


def test_it_is_in_the_file_and_in_what_tells_of_the_run(run: Path) -> None:
    file = load_model_file(run / DELIVERY)
    assert file.contract.product == "M8 bolt"
    config: dict[str, Any] = json.loads((run / "config.json").read_text())
    assert config["settings"]["card"]["product"] == "M8 bolt"
    assert "<dt>product</dt><dd>" in (run / "report.html").read_text()
    assert "Product: M8 bolt." in invoke("inspect", run / DELIVERY).output


def test_the_file_tells_its_accuracy_with_the_number_of_images(run: Path) -> None:
    facts = file_facts(load_model_file(run / DELIVERY))
    int8 = json.loads((run / "metrics.json").read_text())["int8"]
    assert (facts.accuracy, facts.test_images) == (int8["test_accuracy"], int8["test_images"])
    assert (facts.product, facts.version) == ("M8 bolt", "7")


@pytest.mark.parametrize(("options", "product"), [((), "M8 bolt"), (("--product", "nut"), "nut")])
def test_exports_and_signed_copies_keep_it(
    options: tuple[str, ...], product: str, run: Path, tmp_path: Path
) -> None:
    model, signed, key = (tmp_path / name for name in ("m.tflite", "signed.tflite", "line.key"))
    result = invoke("export", run, "--quantize", "none", "-o", model, *options)
    assert result.exit_code == 0, result.output
    assert load_model_file(model).contract.product == product
    assert invoke("keygen", key).exit_code == 0
    assert invoke("sign", model, "--key", key, "-o", signed).exit_code == 0
    assert load_model_file(signed).contract.product == product


@pytest.mark.parametrize("name", ["", "  ", "two\nlines"])
@pytest.mark.parametrize("command", ["train", "export"])
def test_what_is_no_name_is_wrong_usage(command: str, name: str, tmp_path: Path) -> None:
    rest = {"train": ("-o", tmp_path / "run"), "export": ("--quantize", "int8")}[command]
    result = invoke(command, tmp_path, *rest, "--product", name)
    assert result.exit_code == 2
    assert "must be printable text" in result.output
