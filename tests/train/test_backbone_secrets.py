"""The address of a backbone may contain a token; no output of training contains it."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.train.module_server import archive, send, serve

from partsight.cli.main import main
from partsight.errors import ModelError
from partsight_train.backbones.download import download
from partsight_train.backbones.locate import locate
from partsight_train.run.provenance import command_line, public_settings
from partsight_train.tune.space import Search, choose, first_choice, train_command

MARKER = "mArKeR7"
SIGNED = f"?token={MARKER}&X-Amz-Signature={MARKER}"


def _invoke(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    monkeypatch.setattr(sys, "argv", ["partsight", *words])
    return CliRunner().invoke(main, words)


def _written_with_the_marker(*folders: Path) -> list[str]:
    """Files that contain the marker, or an archive member with it."""
    found = []
    for path in (each for folder in folders for each in folder.rglob("*") if each.is_file()):
        contents = [path.read_bytes()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as tail:
                contents += [tail.read(name) for name in tail.namelist()]
        found += [str(path) for content in contents if MARKER.encode() in content]
    return found


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    return tmp_path / "cache"


def test_a_run_stores_no_secret_of_a_signed_address(
    tmp_path: Path, cache: Path, parts: Path, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with serve(send(archive(tiny_backbone))) as server:
        address = f"{server.address}.tar.gz{SIGNED}"
        result = _invoke(monkeypatch, "train", parts, "-o", run, "--backbone", address)
    assert result.exit_code == 0, result.output
    assert MARKER in server.asked[0][0]
    assert _written_with_the_marker(run, cache) == []
    shown = f"{server.address}.tar.gz?token=***&***"
    assert shown in (run / "config.json").read_text()
    assert shown in (run / "report.html").read_text().replace("&amp;", "&")
    inspected = _invoke(monkeypatch, "inspect", run / "model-int8.tflite", "--json")
    assert shown in inspected.output
    assert MARKER not in result.output + inspected.output


@pytest.mark.parametrize(
    "handle",
    [
        f"http://127.0.0.1:9/publisher/module/1{SIGNED}",
        f"http://op:{MARKER}@127.0.0.1:9/m.tar.gz",
        f"http://op:{MARKER}/#@127.0.0.1:9/m.tar.gz",
        f"http://op:{MARKER}[@127.0.0.1:9/m.tar.gz",
        f"s3://KEY:{MARKER}/x@bucket/m.tar.gz",
        f"kaggle.com/models?token={MARKER}\n",
        f"op:{MARKER}@host/m.tar.gz",
        f"none+http://127.0.0.1:9/m.tar.gz?key={MARKER}",
    ],
)
def test_an_unavailable_backbone_is_named_without_its_token(
    handle: str, cache: Path, parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _invoke(monkeypatch, "train", parts, "-o", tmp_path / "run", "--backbone", handle)
    assert result.exit_code == 1
    assert "backbone" in result.output
    assert MARKER not in result.output
    with pytest.raises(ModelError) as caught:
        locate(handle)
    assert MARKER not in str(caught.value)
    assert _written_with_the_marker(cache) == []


def test_a_token_quoted_by_the_server_is_redacted(tmp_path: Path) -> None:
    with serve(send(b"", status=404)) as server, pytest.raises(ModelError) as caught:
        download(f"{server.address}{SIGNED}", tmp_path / "m.tar.gz")
    assert MARKER not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["--backbone", f"https://h/m.tar.gz?token={MARKER}"],
        [f"--backbone=https://op:{MARKER}@h/m.tar.gz"],
        [f"--backbone=https://op:{MARKER}#@h/m.tar.gz"],
    ],
)
def test_the_stored_command_line_has_no_secrets(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/partsight", "train", "parts", *words])
    assert MARKER not in command_line()
    assert command_line().startswith("partsight train parts")
    assert "https://" in command_line()


def test_a_search_names_its_backbones_without_their_tokens() -> None:
    first, second = (f"https://h/m.tar.gz?token={MARKER}{number}" for number in (1, 2))
    search = Search(backbones=(first, second, "mobilenet-v2"))
    document = public_settings({"backbones": search.backbones, "base": {"backbone": first}})
    assert MARKER not in str([first_choice(search), document])

    class Trial:
        """Takes the second of all choices, and records them."""

        def suggest_categorical(self, name: str, choices: tuple[object, ...]) -> object:
            assert MARKER not in str(choices)
            return choices[min(1, len(choices) - 1)]

        def suggest_float(self, name: str, low: float, high: float, log: bool = False) -> float:
            return high

    chosen = choose(Trial(), search)
    assert chosen.backbone == second
    assert MARKER not in str(train_command(Path("parts"), Path("run"), chosen))
