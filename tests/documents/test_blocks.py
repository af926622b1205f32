"""Configurations, Python code and extras that the pages show are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tomlkit
from tests.documents.pages import PAGES, ROOT, code_blocks

from partsight.config.document import Config

EXTRAS = tomlkit.parse((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "optional-dependencies"
]


@pytest.mark.parametrize("name", PAGES)
def test_configurations_are_valid(name: str) -> None:
    for block in code_blocks(PAGES[name], "toml"):
        if not block.startswith("# run.toml"):
            Config.model_validate(tomlkit.parse(block).unwrap())


@pytest.mark.parametrize("name", PAGES)
def test_extras_exist(name: str) -> None:
    named = re.findall(r"(?:partsight|'\.|-e \.)\[([a-z,]+)\]", PAGES[name])
    assert {extra for names in named for extra in names.split(",")} <= set(EXTRAS)


def test_another_tool_reads_a_model_as_shown(
    tmp_path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (code,) = code_blocks(PAGES["docs/interop.md"], "python")
    monkeypatch.chdir(tmp_path)
    Path("model-int8.tflite").symlink_to(model_path)
    exec(code, {})
    assert capsys.readouterr().out == "[  1 224 224   3]\n"
