"""A model with other scores on this machine than at its export is not run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from partsight import Classifier
from partsight.cli.main import main
from partsight.errors import ModelError
from partsight.model.file import ModelFile, load_model_file
from partsight.qualification.golden import TOLERANCE, Replay, replay


@pytest.fixture(autouse=True)
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARTSIGHT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "golden"


@pytest.mark.parametrize(
    ("by", "refused"), [(0.0, False), (TOLERANCE, False), (1.5 * TOLERANCE, True), (0.99, True)]
)
def test_a_model_with_other_scores_on_this_machine_is_not_run(
    moved: Callable[[float], bytes], marks: Path, by: float, refused: bool
) -> None:
    model = moved(by)
    for _ in range(2):  # refused again
        if refused:
            with pytest.raises(ModelError, match="does not decide here as it did where it was exp"):
                Classifier.load(model)
        else:
            Classifier.load(model)
    assert marks.exists() != refused


def test_a_trusted_model_is_not_replayed(moved: Callable[[float], bytes], marks: Path) -> None:
    Classifier.load(moved(0.99), trusted=True)
    assert not marks.exists()


def test_a_model_without_golden_samples_is_run(
    make_model: Callable[..., bytes], marks: Path
) -> None:
    Classifier.load(make_model("bare", golden=()))
    assert not marks.exists()


@pytest.mark.parametrize(
    ("change", "times"), [("nothing", 1), ("model", 2), ("opencv", 2), ("machine", 2)]
)
def test_golden_samples_are_replayed_after_a_change_of_the_machine(
    make_model: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, change: str, times: int
) -> None:
    replayed = []

    def counted(file: ModelFile, classifier: Classifier) -> list[Replay]:
        replayed.append(file.sha256)
        return replay(file, classifier)

    monkeypatch.setattr("partsight.qualification.golden.replay", counted)
    Classifier.load(make_model("first"))
    if change == "opencv":
        monkeypatch.setattr("partsight.qualification.trial_cache.cv2.__version__", "99.0")
    elif change == "machine":
        monkeypatch.setattr("platform.machine", lambda: "riscv64")
    Classifier.load(make_model("second" if change == "model" else "first"))
    assert len(replayed) == times


def test_commands_refuse_it_in_one_line_and_check_shows_the_difference(
    moved: Callable[[float], bytes], tmp_path: Path
) -> None:
    model, image = tmp_path / "model.tflite", tmp_path / "a.png"
    model.write_bytes(moved(0.5))
    Image.new("RGB", (8, 8)).save(image)

    result = CliRunner().invoke(main, ["classify", str(model), str(image)])
    checked = CliRunner().invoke(main, ["check", str(model)])

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "within 0.1250, received a difference of 0.5" in result.stderr
    assert "See 'partsight model check', or use the other TFLite runtime" in result.stderr
    assert checked.exit_code == 1
    assert checked.stdout.count("DIFFERS") == 1


def test_a_damaged_sample_is_reported(make_model: Callable[..., bytes], model_path: Path) -> None:
    first, *others = load_model_file(model_path).contract.golden
    lost = dataclasses.replace(first, file="golden/lost.png")
    with pytest.raises(ModelError, match="golden/lost.png is damaged"):
        Classifier.load(make_model("lost", golden=(lost, *others)))
