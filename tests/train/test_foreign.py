"""Models that partsight did not make: run by their metadata, by facts given by hand, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from partsight import Classifier
from partsight.cli.main import main
from partsight.errors import ContractError, ModelError
from partsight.model.tflite.metadata_schema import ENTRY, IDENTIFIER, MODEL_METADATA
from partsight.model.third_party import ModelOverrides, foreign_contract
from partsight.model.zip_tail import append_tail
from partsight_train.export.flatbuffer_writer import add_metadata, packed
from partsight_train.tensorflow_stack import tf

LABELS = ("healthy", "scratched")
SIZE = (8, 12)
KINDS = ("float32", "int8", "uint8")

Network = Callable[[Any], Any]


def by_red(image: Any) -> Any:
    """The probability of a scratch is the mean of red, which the network takes from -1 to 1."""
    red = tf.reduce_mean((image[..., 0] + 1) / 2, axis=[1, 2])
    return tf.stack([1 - red, red], axis=1)


def logits_by_red(image: Any) -> Any:
    """Their softmax is steep around a mean of 0."""
    red = tf.reduce_mean(image[..., 0], axis=[1, 2])
    return tf.stack([-8 * red, 8 * red], axis=1)


def converted(network: Network, kind: str = "float32", channels: int = 3) -> bytes:
    signature = tf.TensorSpec((1, *SIZE, channels), tf.float32)
    function = tf.function(network, input_signature=[signature])
    concrete = function.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], function)
    if kind != "float32":
        generator = np.random.default_rng(0)
        pictures = [np.full((1, *SIZE, channels), ends, np.float32) for ends in (-1, 1)]
        pictures += [generator.uniform(-1, 1, (1, *SIZE, channels)).astype(np.float32)] * 3
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([each] for each in pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, kind)
    return bytes(converter.convert())


def with_standard_metadata(
    model: bytes, *, labels: str | None = "labels.txt", scaled: bool = True
) -> bytes:
    """As tools write it for a network that takes -1 to 1."""
    options = {"mean": [127.5], "std": [127.5]}
    picture = {"process_units": [{"options_type": 1, "options": options}] if scaled else []}
    files = [{"name": labels, "type": 2}] if labels else []
    graph = {"input_tensor_metadata": [picture]}
    graph["output_tensor_metadata"] = [{"associated_files": files}]
    values = {"name": "theirs", "author": "someone", "subgraph_metadata": [graph]}
    described = add_metadata(model, {ENTRY: packed(MODEL_METADATA, values, IDENTIFIER)})
    return append_tail(described, {labels: "\n".join(LABELS).encode()} if labels else {})


def picture_of_red(red: int) -> np.ndarray:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, ::20, 0] = picture[:, :30, 1] = 99  # one without contrast would not be judged
    picture[..., 2] = red
    return picture


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.mark.parametrize("kind", KINDS)
def test_by_its_metadata(kind: str) -> None:
    classifier = Classifier.load(with_standard_metadata(converted(by_red, kind)))
    assert classifier.contract.labels == LABELS
    for red in (0, 51, 128, 255):
        (prediction,) = classifier.classify([picture_of_red(red)])
        assert prediction.scores["scratched"] == pytest.approx(red / 255, abs=2 / 255)
        assert classifier.decide(prediction) == ("accept" if red < 128 else "reject")


@pytest.mark.parametrize("kind", KINDS)
def test_by_facts_given_by_hand(kind: str) -> None:
    given = ModelOverrides(("fine", "odd"), ("fine",), scale=2 / 255, offset=-1)
    classifier = Classifier.load(converted(by_red, kind), overrides=given)
    (prediction,) = classifier.classify([picture_of_red(204)])
    assert prediction.scores["odd"] == pytest.approx(0.8, abs=2 / 255)
    assert classifier.decide(prediction) == "reject"


def test_facts_given_by_hand_beat_metadata() -> None:
    model = with_standard_metadata(converted(by_red))
    given = ModelOverrides(("b", "a"), scale=2 / 255, offset=-1)
    contract = foreign_contract(model, "it", given)
    assert contract.labels == ("b", "a")
    (mean,), (std,) = contract.normalization.mean, contract.normalization.std
    assert (mean, std) == pytest.approx((127.5, 127.5))


def test_bytes_are_fed_as_they_are_to_who_takes_bytes() -> None:
    """As other tools do it: the metadata's mean and std are for float tensors."""
    model = with_standard_metadata(converted(by_red, "uint8"), scaled=False)
    classifier = Classifier.load(model)
    fed = classifier._feed(np.arange(256, dtype=np.uint8).reshape(1, 256, 1))
    np.testing.assert_array_equal(fed.ravel(), np.arange(256))


def test_logits() -> None:
    given = ModelOverrides(LABELS, scale=2 / 255, offset=-1, logits=True)
    classifier = Classifier.load(converted(logits_by_red), overrides=given)
    (prediction,) = classifier.classify([picture_of_red(255)])
    # By hand: softmax of -8 and 8.
    assert prediction.scores["healthy"] == pytest.approx(1 / (1 + np.exp(16)))
    with pytest.raises(ModelError, match=r"in \[0, 1\], received -8 to 8. .* say so by --logits"):
        Classifier.load(
            converted(logits_by_red), overrides=ModelOverrides(LABELS, scale=2 / 255, offset=-1)
        ).classify([picture_of_red(255)])


def test_an_output_of_four_axes() -> None:
    model = converted(lambda image: by_red(image)[:, tf.newaxis, tf.newaxis])
    classifier = Classifier.load(with_standard_metadata(model))
    (prediction,) = classifier.classify([picture_of_red(255)])
    assert prediction.scores == pytest.approx({"healthy": 0, "scratched": 1}, abs=1e-6)


def test_labels_that_are_there_twice() -> None:
    given = ModelOverrides(("crane", "crane"), scale=1)
    assert foreign_contract(converted(by_red), "it", given).labels == ("crane", "crane (2)")


@pytest.mark.parametrize(
    "given",
    [
        ModelOverrides(("healthy", "healthy"), scale=1),
        ModelOverrides(("crane", "crane"), accept_labels=("crane",), scale=1),
    ],
    ids=["a good name", "an accepted label"],
)
def test_labels_that_are_there_twice_are_refused_if_one_is_good(given: ModelOverrides) -> None:
    with pytest.raises(ContractError, match="twice: expected each once"):
        foreign_contract(converted(by_red), "it", given)


def four_outputs(image: Any) -> Any:
    return tuple(by_red(image) + number for number in range(4))


@pytest.mark.parametrize(
    ("model", "given", "exception", "message"),
    [
        (lambda: converted(four_outputs), ModelOverrides(LABELS), ContractError, "as detectors"),
        (
            lambda: converted(lambda image: image[..., :2]),
            ModelOverrides(LABELS),
            ContractError,
            "no image classifier: .* outputs .1, 8, 12, 2. float32, as detectors, segmenters",
        ),
        (
            lambda: converted(lambda image: by_red(image[..., :3]), channels=4),
            ModelOverrides(LABELS),
            ContractError,
            r"no image classifier: .* inputs \(1, 8, 12, 4\).*neither RGB nor grey",
        ),
        (
            lambda: converted(lambda image: tf.argmax(by_red(image)[tf.newaxis], -1)),
            ModelOverrides(LABELS),
            ContractError,
            "no image classifier: .* int64.* as after an argmax",
        ),
        (lambda: converted(by_red), ModelOverrides(), ContractError, "Say .*: --labels labels.txt"),
        (
            lambda: converted(by_red),
            ModelOverrides(LABELS),
            ContractError,
            "takes float32 and does not say .* --scale and --offset",
        ),
        (
            lambda: converted(by_red, "int8"),
            ModelOverrides(LABELS),
            ContractError,
            "takes int8 and does not say",
        ),
        (
            lambda: converted(by_red),
            ModelOverrides(("a", "b", "c"), scale=1),
            ContractError,
            "gives 2 scores: expected as many labels, received 3",
        ),
        (
            lambda: converted(by_red),
            ModelOverrides(LABELS, ("good",), scale=1),
            ContractError,
            r"accept labels \['good'\] are not among",
        ),
        (
            lambda: converted(by_red),
            ModelOverrides(LABELS, scale=float("nan")),
            ContractError,
            "scale must be above 0",
        ),
        (
            lambda: with_standard_metadata(converted(by_red))[:-30],
            ModelOverrides(),
            ContractError,
            "has lost 'labels.txt'",
        ),
        (
            lambda: add_metadata(converted(by_red), {ENTRY: b"\4\0\0\0M001"}),
            ModelOverrides(LABELS),
            ModelError,
            "is damaged",
        ),
        (
            lambda: with_standard_metadata(converted(by_red), labels="../labels.txt"),
            ModelOverrides(),
            ModelError,
            "is damaged: a file in it has the name",
        ),
    ],
)
def test_what_cannot_be_judged_by_is_refused(
    model: Callable[[], bytes], given: ModelOverrides, exception: type[ModelError], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as refusal:
        Classifier.load(model(), overrides=given)
    assert type(refusal.value) is exception
    assert str(refusal.value).isprintable()


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    for label, red in (("healthy", 10), ("scratched", 240)):
        (tmp_path / "parts" / label).mkdir(parents=True)
        for number in range(3):
            path = tmp_path / "parts" / label / f"{number}.png"
            cv2.imwrite(str(path), picture_of_red(red + number))
    return tmp_path / "parts"


@pytest.fixture
def their_model(tmp_path: Path) -> Path:
    path = tmp_path / "theirs.tflite"
    path.write_bytes(converted(by_red, "int8"))
    return path


@pytest.fixture
def options(tmp_path: Path) -> list[object]:
    labels = tmp_path / "labels.txt"
    labels.write_text("healthy\r\nscratched\r\n\n")
    return ["--labels", labels, "--scale", 2 / 255, "--offset", -1]


def test_the_commands_run_it(their_model: Path, parts: Path, options: list[object]) -> None:
    evaluated = invoke("evaluate", their_model, parts, "--json", *options)
    assert json.loads(evaluated.stdout)["accuracy"] == 1.0
    for command in (
        ("classify", their_model, parts),
        ("watch", their_model, "--source", parts / "scratched"),
    ):
        result = invoke(*command, *options)
        assert result.exit_code == 0, result.output
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        for row in rows:
            assert row["verdict"] == ("reject" if row["label"] == "scratched" else "accept")
        assert {row["label"] for row in rows} >= {"scratched"}


def test_inspect_tells_what_it_is(their_model: Path, options: list[object]) -> None:
    their_model.write_bytes(with_standard_metadata(their_model.read_bytes()))
    told = invoke("inspect", their_model)
    assert told.exit_code == 0, told.output
    assert "name            theirs\nauthor          someone\nSHA-256" in told.stdout
    assert "labels          healthy, scratched\nsees            12 x 8 pixels" in told.stdout
    document = json.loads(invoke("inspect", their_model, "--json").stdout)
    assert document["standard_metadata"] == {"name": "theirs", "author": "someone"}
    assert document["labels"] == list(LABELS)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--offset", "-1"], 2, "--offset goes with --scale"),
        (["--scale", "0"], 2, "--scale"),
        (["--labels", "missing.txt"], 1, "cannot read the labels in missing.txt: No such file"),
        ([], 1, "neither a partsight contract nor labels"),
    ],
)
def test_wrong_usage(
    arguments: list[str], code: int, message: str, their_model: Path, parts: Path
) -> None:
    result = invoke("classify", their_model, parts, *arguments)
    assert result.exit_code == code
    assert message in result.stderr


def test_labels_that_are_no_text(their_model: Path, parts: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.bin").write_bytes(b"\xff\xfe\0")
    result = invoke("classify", their_model, parts, "--labels", tmp_path / "labels.bin")
    assert result.exit_code == 1
    assert "Expected a text in UTF-8" in result.stderr


def test_a_model_with_a_contract_takes_no_facts(parts: Path) -> None:
    shipped = Path(__file__).parents[2] / "models" / "sample-parts-int8.tflite"
    result = invoke("classify", shipped, parts, "--scale", "1")
    assert result.exit_code == 1
    assert "says itself what its numbers mean" in result.stderr
