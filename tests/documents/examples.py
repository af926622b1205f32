"""Commands with their real output in the pages: ``console`` blocks.

``python -m tests.documents.examples`` runs every command of these blocks again and writes its
output into the pages. A test fails if a page shows another output.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import tempfile
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path

import click.testing
from tests.documents.pages import ROOT

from partsight.cli.main import main
from partsight.sample_data import write_sample_data

__all__ = ["PAGE", "examples", "prepared_folder", "run"]

PAGE = ROOT / "docs" / "troubleshooting.md"
_EXAMPLE = re.compile(r"^```console\n\$ partsight (.*)\n((?:.*\n)*?)```$", re.MULTILINE)
_COLUMNS = 96
_WRONG_CONFIGURATION = """\
[source]
adress = "/dev/video0"
"""


def examples(text: str) -> list[tuple[str, str]]:
    """The arguments and the output of each example of a page."""
    return _EXAMPLE.findall(text)


@contextlib.contextmanager
def prepared_folder() -> Iterator[None]:
    """Work in a new folder with the files that the examples name."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            shutil.copy(ROOT / "models" / "sample-parts-int8.tflite", "model-int8.tflite")
            Path("notes.tflite").write_text("not a model")
            write_sample_data(Path("parts"), per_label=2)
            Path("one-label").mkdir()
            shutil.copytree("parts/healthy", "one-label/healthy")
            Path("captured").mkdir()
            picture = next(Path("parts/defected").iterdir()).read_bytes()
            Path("captured/cut-off.jpg").write_bytes(picture[:2000])
            Path("captured/empty.jpg").touch()
            Path("partsight.toml").write_text(_WRONG_CONFIGURATION)
            yield
        finally:
            os.chdir(before)


def run(arguments: str) -> str:
    """What a command prints on stderr, where its messages are."""
    words = shlex.split(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries
        result = click.testing.CliRunner().invoke(main, words, prog_name="partsight")
    lines = result.stderr.splitlines()
    return "".join(f"{line}\n" for line in lines if "pip install ai-edge-litert" not in line)


def _with_output(match: re.Match[str]) -> str:
    wrapped = (
        textwrap.fill(line, _COLUMNS, break_long_words=False, break_on_hyphens=False)
        for line in run(match[1]).splitlines()
    )
    return f"```console\n$ partsight {match[1]}\n" + "\n".join(wrapped) + "\n```"


if __name__ == "__main__":
    with prepared_folder():
        PAGE.write_text(_EXAMPLE.sub(_with_output, PAGE.read_text("utf-8")), "utf-8")
