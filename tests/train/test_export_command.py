"""``partsight export`` on a finished run, and ``partsight check`` of what it writes."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.train.conftest import write_parts

from partsight import Classifier
from partsight.cli.main import main
from partsight.image.decode import decode
from partsight.inference.runtimes import runtimes
from partsight.model.file import attach_contract, load_model_file
from partsight.model.tflite.flatbuffer import View
from partsight.model.tflite.metadata_schema import ENTRY, MODEL_METADATA
from partsight.model.tflite.standard_metadata import metadata_entry
from partsight.model.tflite.tensors import tensors_of
from partsight.qualification.golden import MAX_BYTES, TOLERANCE
from partsight_train.conversion.names import VARIANTS
from partsight_train.export import export as export_module
from partsight_train.run.run_dir import DELIVERY


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


# What tiles change is tested with them too.
TILED = pytest.mark.parametrize(
    "finished", ["1x1", "1x2"], ids=["whole", "tiles"], indirect=True, scope="module"
)


@pytest.fixture(scope="module", params=["1x1"], ids=[""])
def finished(
    request: pytest.FixtureRequest, tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    options = ["--backbone", tiny_backbone, "--tiles", request.param]
    trained = invoke("train", write_parts(folder / "parts"), "-o", folder / "run", *options)
    assert trained.exit_code == 0, trained.output
    return folder / "run"


@pytest.fixture
def run_dir(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def no_runtime(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Replace the check with the installed runtimes; return the files passed to it from now on."""
    checked: list[bytes] = []
    monkeypatch.setattr(export_module, "runtime_failures", lambda data: checked.append(data) or [])
    return checked


def test_export_needs_no_signature(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if this machine only runs signed models."""
    config = tmp_path / "partsight.toml"
    config.write_text("[model]\npublic_key = 'lost.pub'\n")
    monkeypatch.setenv("PARTSIGHT_CONFIG", str(config))
    monkeypatch.setenv("PARTSIGHT_PUBLIC_KEY", str(tmp_path / "lost.pub"))
    result = invoke("export", run_dir, "--quantize", "none")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("finished", "run_each"),
    [("1x1", False), pytest.param("1x2", True, marks=pytest.mark.slow)],
    ids=["whole", "tiles"],
    indirect=["finished"],
    scope="module",
)
def test_all_variants_pass_and_are_in_the_manifest(
    run_dir: Path, run_each: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = [] if run_each else no_runtime(monkeypatch)
    result = invoke("export", run_dir, "--all")
    assert result.exit_code == 0, result.output
    if not run_each:
        assert len(set(checked)) == len(checked) == len(VARIANTS)
    manifest = json.loads((run_dir / "manifest.json").read_text())
    assert sorted(manifest) == sorted(f"model-{name}.tflite" for name in VARIANTS)
    delivered = Classifier.load(run_dir / DELIVERY)
    for name in VARIANTS:
        path = run_dir / f"model-{name}.tflite"
        assert manifest[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
        contract = load_model_file(path).contract
        made = contract.provenance["export"]
        assert made["variant"] == name
        assert made["parity"]["agreement"] == 1.0
        assert (made["calibration"] is not None) == ("int" in name)
        assert contract.operating_point.recall == 1.0
        for other in ("labels", "preprocess", "tiles"):
            assert getattr(contract, other) == getattr(delivered.contract, other)
        assert 2 <= len(contract.golden) <= 4
        assert name in result.output


@pytest.mark.parametrize("runtime", [runtime.name for runtime in runtimes()])
def test_an_exported_file_passes_the_check(
    run_dir: Path, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_runtime(monkeypatch)
    output = run_dir.parent / "one.tflite"
    exported = invoke("export", run_dir, "--quantize", "dynamic", "-o", output)
    assert exported.exit_code == 0, exported.output
    assert not (run_dir / "model-dynamic.tflite").exists()

    environment = {**os.environ, "PARTSIGHT_RUNTIME": runtime}
    command = [sys.executable, "-m", "partsight", "check", str(output), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["passes"] is True
    assert result["max_difference"] <= 1e-4 < result["tolerance"] == TOLERANCE
    assert {each["sample"]["label"] for each in result["samples"]} == {"defected", "healthy"}


@TILED
def test_heat_maps_are_exported_described_and_drawn(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_runtime(monkeypatch)
    plain = (run_dir / DELIVERY).read_bytes()
    result = invoke("export", run_dir, "--quantize", "int8", "--heatmap")
    assert result.exit_code == 0, result.output
    model = run_dir / "model-int8-heatmap.tflite"
    assert model.name in json.loads((run_dir / "manifest.json").read_text())
    assert (run_dir / DELIVERY).read_bytes() == plain
    columns = load_model_file(model).contract.tiles[1]
    assert load_model_file(model).contract.heatmap == (8, 8 * columns)
    assert f"heat map        {8 * columns} x 8 positions" in invoke("inspect", model).output

    data = model.read_bytes()
    described = View(metadata_entry(data, ENTRY) or b"", MODEL_METADATA)
    (graph,) = described.tables("subgraph_metadata")
    names = [each.text("name") for each in graph.tables("output_tensor_metadata")]
    ranks = [len(tensor.shape) for tensor in tensors_of(data)[1]]
    by_rank = {2: "probability", 3: "probability", 4: "heatmap"}
    assert names == [by_rank[rank] for rank in ranks]
    assert sorted(names) == ["heatmap", "probability"]

    parts, maps = run_dir.parent / "classified", run_dir.parent / "maps"
    write_parts(parts, per_label=3)
    output = tmp_path / "rows.jsonl"
    result = invoke("classify", model, parts, "--heatmaps", maps, "-o", output)
    assert result.exit_code == 0, result.output
    verdicts = [json.loads(line)["verdict"] for line in output.read_text().splitlines()]
    assert verdicts == ["reject"] * 3 + ["accept"] * 3
    assert sorted(path.name[:7] for path in maps.iterdir()) == ["part000", "part001", "part002"]

    # A later plain export has no map, even if the delivered file was replaced by one with a map.
    shutil.copy(model, run_dir / DELIVERY)
    assert invoke("export", run_dir, "--quantize", "none").exit_code == 0
    assert load_model_file(run_dir / "model-none.tflite").contract.heatmap is None


def test_heat_maps_of_a_model_without_one_are_refused(finished: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    result = invoke("classify", finished / DELIVERY, finished, "--heatmaps", tmp_path, "-o", output)
    assert result.exit_code == 1
    assert "has no heat map output" in result.output
    assert not output.exists()


def with_golden(path: Path, *, scores: tuple[float, ...] | None = None, png: bytes = b"") -> bytes:
    """The model with other expected scores, or with another picture, in its first golden sample."""
    file = load_model_file(path)
    with zipfile.ZipFile(io.BytesIO(file.data)) as tail:
        document = json.loads(tail.read("partsight.json"))
        pictures = {name: tail.read(name) for name in tail.namelist() if "golden" in name}
    golden = file.contract.golden
    if scores is not None:
        golden = (dataclasses.replace(golden[0], scores=scores), *golden[1:])
    if png:
        pictures[golden[0].file] = png
    contract = dataclasses.replace(file.contract, golden=golden)
    return attach_contract(file.data[: document["model_bytes"]], contract, pictures)


def test_check_reports_a_score_that_differs(finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    scores = load_model_file(finished / DELIVERY).contract.golden[0].scores
    shifted = (scores[0] + 2 * TOLERANCE, scores[1] - 2 * TOLERANCE)
    path.write_bytes(with_golden(finished / DELIVERY, scores=shifted))
    result = invoke("check", path)
    assert result.exit_code == 1
    assert result.output.count("DIFFERS") == 1
    assert "largest difference 0.2500, at most 0.1250 expected" in result.output


@pytest.mark.parametrize(
    ("png", "message"),
    [
        (b"no picture", "golden/0.png is damaged: not an image"),
        (bytes(MAX_BYTES + 1), f"'golden/0.png' is larger than {MAX_BYTES} bytes"),
    ],
)
def test_check_reports_a_damaged_sample(
    finished: Path, tmp_path: Path, png: bytes, message: str
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(with_golden(finished / DELIVERY, png=png))
    result = invoke("check", path)
    assert result.exit_code == 1
    assert message in result.output


def test_check_reports_missing_samples(finished: Path, tmp_path: Path) -> None:
    file = load_model_file(finished / DELIVERY)
    with zipfile.ZipFile(io.BytesIO(file.data)) as tail:
        size = json.loads(tail.read("partsight.json"))["model_bytes"]
    bare = attach_contract(file.data[:size], dataclasses.replace(file.contract, golden=()))
    (tmp_path / "model.tflite").write_bytes(bare)
    result = invoke("check", tmp_path / "model.tflite")
    assert result.exit_code == 1
    assert "holds no golden samples" in result.output


@TILED
def test_samples_are_small_and_have_their_own_label(finished: Path) -> None:
    file = load_model_file(finished / DELIVERY)
    with zipfile.ZipFile(io.BytesIO(file.data)) as tail:
        for sample in file.contract.golden:
            picture = decode(tail.read(sample.file))
            assert max(picture.shape) <= 128
            assert np.argmax(sample.scores) == file.contract.labels.index(sample.label)


def test_a_worse_file_is_not_written(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file gives the same scores for every picture, as if quantization had ruined it."""

    def blind(network: object, *others: object) -> bytes:
        return convert(lambda image: 0 * network(image) + [[0.9, 0.1]], *others)

    from partsight_train.export import variant as variant_module

    convert = variant_module.convert
    monkeypatch.setattr(variant_module, "convert", blind)
    before = {path.name: path.stat().st_mtime_ns for path in run_dir.iterdir()}
    result = invoke("export", run_dir, "--quantize", "float16")
    assert result.exit_code == 1
    assert (
        "its recall of healthy falls by 100.00 percentage points, expected at most 1.00"
        in result.output
    )
    assert {path.name: path.stat().st_mtime_ns for path in run_dir.iterdir()} == before


def test_a_file_that_a_runtime_refuses_is_not_written(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "runtime_failures", lambda data: ["under x: refused"])
    result = invoke("export", run_dir, "--quantize", "none")
    assert result.exit_code == 1
    assert "under x: refused" in result.output
    assert not (run_dir / "model-none.tflite").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give --quantize with one variant, or --all"),
        (["--all", "--quantize", "none"], 2, "give --quantize with one variant, or --all"),
        (["--all", "-o", "x.tflite"], 2, "give --quantize with one variant, or --all"),
        (["--quantize", "int4"], 2, "'int4' is not one of"),
    ],
)
def test_wrong_usage(finished: Path, arguments: list[str], code: int, message: str) -> None:
    result = invoke("export", finished, *arguments)
    assert result.exit_code == code
    assert message in " ".join(result.output.split())


def test_changed_or_missing_pictures_are_refused(run_dir: Path) -> None:
    table = run_dir / "pictures.csv"
    path = Path(table.read_text().splitlines()[1].split(",")[0])
    original = path.read_bytes()
    try:
        path.write_bytes(original + b"x")
        changed = invoke("export", run_dir, "--quantize", "none")
        path.unlink()
        gone = invoke("export", run_dir, "--quantize", "none")
    finally:
        path.write_bytes(original)
    assert (changed.exit_code, gone.exit_code) == (1, 1)
    assert f"{path} was changed after the run" in changed.output
    assert f"cannot read {path}" in gone.output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (DELIVERY, "cannot read the model"),
        ("pictures.csv", "cannot read .*pictures.csv"),
        ("saved_model", "cannot load the float model"),
    ],
)
def test_an_incomplete_run_is_refused(run_dir: Path, name: str, message: str) -> None:
    path = run_dir / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    result = invoke("export", run_dir, "--quantize", "none")
    assert result.exit_code == 1
    assert re.search(message, result.output)


def test_a_damaged_list_of_pictures_is_refused(run_dir: Path) -> None:
    (run_dir / "pictures.csv").write_text("path,label,split,sha256\na.png,healthy,test,zz\n")
    result = invoke("export", run_dir, "--quantize", "none")
    assert result.exit_code == 1
    assert "Expected a folder that 'partsight train' finished" in result.output
