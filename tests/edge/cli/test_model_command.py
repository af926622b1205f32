"""``partsight model``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from partsight.cli.main import main
from partsight.config.location import CONFIG_VARIABLE, PUBLIC_KEY_VARIABLE
from partsight.model.file import load_model_file
from partsight.model_store.activate import activate_model, record
from partsight.model_store.store import ModelStore, activated


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.delenv(PUBLIC_KEY_VARIABLE, raising=False)
    monkeypatch.setattr("partsight.config.location.SYSTEM_CONFIG", tmp_path / "none.toml")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")


@pytest.fixture
def files(tmp_path: Path, make_model: Callable[..., bytes]) -> dict[str, Path]:
    """Models to choose from; of the third the labels are others."""
    paths = {name: tmp_path / f"{name}.tflite" for name in ("first", "second", "other")}
    for name, path in paths.items():
        path.write_bytes(make_model(name))
    paths["other"].write_bytes(make_model("other", golden=()))
    return paths


def sha(path: Path) -> str:
    return load_model_file(path).sha256


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["model", *map(str, arguments)])


def test_activate_list_and_rollback(store: ModelStore, files: dict[str, Path]) -> None:
    at = ("--store", store.folder)
    assert "no models in" in invoke("list", *at).stdout
    one, two = sha(files["first"]), sha(files["second"])
    done = invoke("activate", files["first"], *at)
    assert (done.exit_code, done.stdout) == (0, f"{one[:12]} is active\n"), done.output
    done = invoke("activate", files["second"], *at)
    assert done.stdout == f"{two[:12]} is active, was {one[:12]}\n"
    lines = invoke("list", *at).stdout.splitlines()
    heads = [line[:14] for line in lines if not line.startswith("    ")]
    assert heads == [f"- {one[:12]}", f"* {two[:12]}"]
    assert sum(line.endswith("defected, healthy") for line in lines) == 2
    done = invoke("rollback", *at)
    assert done.stdout == f"{one[:12]} is active, was {two[:12]}\n"
    done = invoke("activate", two[:8], *at)
    assert done.stdout == f"{two[:12]} is active, was {one[:12]}\n"
    document = json.loads(invoke("list", *at, "--json").stdout)
    assert document["store"] == str(store.folder)
    assert {row["sha256"]: row["active"] for row in document["models"]} == {one: False, two: True}


def test_rollback_refuses_a_model_with_other_scores_on_this_device(
    store: ModelStore, files: dict[str, Path], moved: Callable[[float], bytes]
) -> None:
    files["first"].write_bytes(moved(0.5))
    for name in ("first", "second"):
        activate_model(store, load_model_file(files[name]), 5)
    done = invoke("rollback", "--store", store.folder)
    assert done.exit_code == 1
    assert "does not decide here as it did" in done.stderr
    assert activated(store)[0] == sha(files["second"])


def test_a_refused_model_is_not_activated(
    store: ModelStore, files: dict[str, Path], tmp_path: Path
) -> None:
    activate_model(store, load_model_file(files["first"]), 5)
    done = invoke("activate", files["other"], "--store", store.folder)
    assert done.exit_code == 1
    assert "no golden samples" in done.stderr
    (tmp_path / "letter.tflite").write_text("dear line")
    assert invoke("activate", tmp_path / "letter.tflite", "--store", store.folder).exit_code == 1
    done = invoke("activate", "beef", "--store", store.folder)
    assert "0 models" in done.stderr
    assert activated(store) == [sha(files["first"])]


def test_the_configuration_names_the_store_and_the_rules(
    store: ModelStore, files: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "partsight.toml"
    path.write_text("[models]\nstore = 'store'\nrequire_golden = false")
    done = invoke("activate", files["other"], "--config", path)
    assert done.exit_code == 0, done.output
    assert activated(store) == [sha(files["other"])]


def test_a_missing_store_is_named() -> None:
    done = invoke("list")
    assert done.exit_code == 1
    assert "expected models.store in the configuration, or --store" in done.stderr


def test_list_shows_a_damaged_model(store: ModelStore, files: dict[str, Path]) -> None:
    activate_model(store, load_model_file(files["first"]), 5)
    store.model(sha(files["first"])).write_bytes(b"torn")
    assert "DAMAGED" in invoke("list", "--store", store.folder).stdout
    done = invoke("activate", sha(files["first"])[:9], "--store", store.folder)
    assert "is damaged" in done.stderr


def test_list_shows_refused_models(store: ModelStore) -> None:
    for number in range(12):
        record(store, "refused", "a" * 64, reason=f"reason {number}", **{"from": "new.tflite"})
    lines = invoke("list", "--store", store.folder).stdout.splitlines()[1:]
    assert len(lines) == 10
    assert lines[-1].startswith("refused ")
    assert lines[-1].endswith("new.tflite: reason 11")
    document = json.loads(invoke("list", "--store", store.folder, "--json").stdout)
    assert [entry["reason"] for entry in document["refused"]][-1] == "reason 11"
