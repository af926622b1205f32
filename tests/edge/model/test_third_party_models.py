"""Models of other tools give the scores that NumPy gives, on each runtime, or are refused."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from tests.edge.model.tiny_models import Quantization, TinyModel

from partsight import Classifier
from partsight.config.location import RUNTIME_VARIABLE
from partsight.errors import ContractError, ModelError
from partsight.inference.input_encoding import grey
from partsight.inference.runtimes import clashes, runtimes
from partsight.model.contract import contract_from_document, contract_to_document
from partsight.model.tensor_layout import TensorLayout
from partsight.model.third_party import ModelOverrides, third_party_contract

LABELS = ("defected", "healthy")
HEIGHT, WIDTH = 4, 6
# Different for each channel, so that swapped channels are noticed.
WEIGHTS = ((3.0, -1.0, -2.0), (-2.0, 2.0, 1.0))
BIAS = (0.5, -0.25)
RGB = TinyModel(WEIGHTS, BIAS)
ONE = TinyModel(WEIGHTS[:1], BIAS[:1], final="logistic")
GREY = TinyModel(((3.0,), (-2.0,)), BIAS, (1, HEIGHT, WIDTH, 1))
FIRST = TinyModel(WEIGHTS, BIAS, (1, 3, HEIGHT, WIDTH), (2, 3))
BYTES = ModelOverrides(LABELS, scale=1 / 255)
FROM_MINUS_1 = ModelOverrides(LABELS, scale=2 / 255, offset=-1)

UINT8 = Quantization("uint8", 1 / 255, 0)
INT8 = Quantization("int8", 1 / 255, -128)
UINT8_FROM_MINUS_1 = Quantization("uint8", 2 / 255, 127)
INT8_FROM_MINUS_1 = Quantization("int8", 2 / 255, -1)
IMAGE_BGR = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
IMAGE_BGR[..., 0] //= 4  # little blue, so that the means of the channels differ


@pytest.fixture(params=[runtime.name for runtime in runtimes()])
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    (chosen,) = (each for each in runtimes() if each.name == request.param)
    if clashes(chosen):
        pytest.skip("TensorFlow is loaded in this process")
    monkeypatch.setenv(RUNTIME_VARIABLE, request.param)
    return str(request.param)


def quantized(model: TinyModel, taken: Quantization) -> TinyModel:
    dtype = taken.dtype
    zero = 0 if dtype == "int8" else 128
    scores = Quantization(dtype, 1 / 256, zero - 128)
    dense = Quantization(dtype, 1 / 24, zero)
    return dataclasses.replace(model, input_as=taken, dense_as=dense, output_as=scores)


def by_numpy(model: TinyModel, scale: float, offset: float) -> np.ndarray:
    """The numbers that a model gives for the picture, without its last operator."""
    rgb = IMAGE_BGR[..., ::-1]
    channels = grey(rgb) if len(model.weights[0]) == 1 else rgb
    means = (channels * float(scale) + offset).mean((0, 1))
    return np.array(model.weights) @ means + model.bias


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum()


def scores(model: bytes, given: ModelOverrides | None) -> dict[str, float]:
    classifier = Classifier.load(model, trusted=True, overrides=given)
    (prediction,) = classifier.classify([IMAGE_BGR])
    return dict(prediction.scores)


@pytest.mark.parametrize(
    ("model", "given"),
    [
        pytest.param(RGB, BYTES, id="float, 0 to 1"),
        pytest.param(RGB, FROM_MINUS_1, id="float, -1 to 1"),
        pytest.param(RGB, ModelOverrides(LABELS, scale=1), id="float, bytes as they are"),
        pytest.param(RGB, ModelOverrides(LABELS, scale=1, offset=-128), id="float, centred bytes"),
        pytest.param(quantized(RGB, UINT8), ModelOverrides(LABELS, scale=1 / 255), id="uint8"),
        pytest.param(quantized(RGB, UINT8_FROM_MINUS_1), FROM_MINUS_1, id="uint8, -1 to 1"),
        pytest.param(quantized(RGB, INT8), BYTES, id="int8"),
        pytest.param(quantized(RGB, INT8_FROM_MINUS_1), FROM_MINUS_1, id="int8, -1 to 1"),
        pytest.param(GREY, BYTES, id="grey"),
        pytest.param(quantized(GREY, INT8), BYTES, id="grey, int8"),
        pytest.param(FIRST, FROM_MINUS_1, id="channels first"),
        pytest.param(quantized(FIRST, UINT8), BYTES, id="channels first, uint8"),
        pytest.param(
            dataclasses.replace(GREY, input_shape=(1, 1, HEIGHT, WIDTH), mean_axes=(2, 3)),
            BYTES,
            id="grey, channels first",
        ),
        pytest.param(dataclasses.replace(RGB, output_shape=(2,)), BYTES, id="output (K,)"),
        pytest.param(dataclasses.replace(RGB, output_shape=(1, 1, 1, 2)), BYTES, id="(1, 1, 1, K)"),
        pytest.param(dataclasses.replace(RGB, output_shape=(1, 2, 1, 1)), BYTES, id="(1, K, 1, 1)"),
        pytest.param(
            dataclasses.replace(RGB, signature=(-1, HEIGHT, WIDTH, 3)), BYTES, id="open batch"
        ),
        pytest.param(
            dataclasses.replace(RGB, final="none"),
            dataclasses.replace(BYTES, logits=True),
            id="logits",
        ),
    ],
)
def test_two_scores(runtime: str, model: TinyModel, given: ModelOverrides) -> None:
    expected = softmax(by_numpy(model, given.scale or 0, given.offset))
    tolerance = 1e-5 if model.input_as is None else 0.03
    found = scores(model.written(), given)
    assert found == pytest.approx(dict(zip(LABELS, expected, strict=True)), abs=tolerance)


def test_an_input_calibrated_on_dark_images_is_accepted() -> None:
    model = quantized(RGB, Quantization("uint8", 0.75 / 255, 0))
    contract = third_party_contract(model.written(), "it", BYTES)
    assert contract.normalization.std == pytest.approx((255.0,))


@pytest.mark.parametrize(
    ("model", "logits"),
    [
        pytest.param(ONE, False, id="sigmoid"),
        pytest.param(dataclasses.replace(ONE, final="none"), True, id="logit"),
        pytest.param(quantized(ONE, INT8), False, id="int8"),
        pytest.param(dataclasses.replace(ONE, output_shape=(1,)), False, id="output (1,)"),
        pytest.param(dataclasses.replace(ONE, output_shape=()), False, id="output ()"),
    ],
)
@pytest.mark.parametrize("labels", [LABELS, ("healthy",)], ids=["two labels", "one label"])
def test_a_single_score_belongs_to_the_last_label(
    runtime: str, model: TinyModel, logits: bool, labels: tuple[str, ...]
) -> None:
    given = ModelOverrides(labels, scale=1 / 255, logits=logits)
    (logit,) = by_numpy(model, 1 / 255, 0)
    expected = 1 / (1 + np.exp(-logit))
    found = scores(model.written(), given)
    tolerance = 1e-5 if model.input_as is None else 0.03
    assert list(found) == ["defected" if len(labels) == 2 else "not healthy", "healthy"]
    assert list(found.values()) == pytest.approx([1 - expected, expected], abs=tolerance)


@pytest.mark.parametrize(
    ("labels", "accepted"),
    [
        (("healthy",), ("healthy",)),
        (("defected",), ("not defected",)),
        (("NOK",), ()),
        (("0_nok", "1_ok"), ("1_ok",)),
        (("healthy", "defected"), ("healthy",)),
    ],
)
def test_the_good_label_of_one_score(labels: tuple[str, ...], accepted: tuple[str, ...]) -> None:
    contract = third_party_contract(ONE.written(), "it", ModelOverrides(labels, scale=1))
    assert contract.operating_point.accept_labels == accepted
    assert contract.layout == TensorLayout(single_score=True)


def test_huge_logits_of_one_score_are_certain() -> None:
    model = TinyModel(((1e4, 1e4, 1e4),), (0.0,), final="none")
    given = ModelOverrides(LABELS, scale=1, logits=True)
    assert scores(model.written(), given) == {"defected": 0.0, "healthy": 1.0}
    opposite = dataclasses.replace(model, weights=((-1e4, -1e4, -1e4),))
    assert scores(opposite.written(), given) == {"defected": 1.0, "healthy": 0.0}


def test_grey_equals_that_of_pillow() -> None:
    from PIL import Image

    rgb = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    rgb[:2, :2] = ((0, 0, 0), (255, 255, 255)), ((255, 0, 0), (0, 0, 255))
    np.testing.assert_array_equal(grey(rgb)[..., 0], np.asarray(Image.fromarray(rgb).convert("L")))


def described(
    mean: Sequence[float] | None = (0.0,),
    std: Sequence[float] = (1.0,),
    labels: str | None = "labels.txt",
    kind: int = 2,
) -> dict[str, Any]:
    options = {"mean": list(mean or ()), "std": list(std)}
    units = [] if mean is None else [{"options_type": 1, "options": options}]
    files = [{"name": labels, "type": kind}] if labels else []
    graph = {
        "input_tensor_metadata": [{"process_units": units}],
        "output_tensor_metadata": [{"associated_files": files}],
    }
    return {"name": "theirs", "subgraph_metadata": [graph]}


def with_tail(model: bytes, *members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO(model)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as tail:
        for name, data in members:
            tail.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize("repeated", [1, 3], ids=["once", "of each channel"])
@pytest.mark.parametrize(
    ("model", "mean", "std"),
    [
        (RGB, 0.0, 1.0),
        (RGB, 127.5, 127.5),
        (RGB, 0.0, 255.0),
        (GREY, 0.0, 1.0),
        (quantized(RGB, INT8_FROM_MINUS_1), 127.5, 127.5),
        # A uint8 input gets the bytes; the metadata applies to float models.
        (quantized(RGB, UINT8), 0.0, 255.0),
    ],
)
def test_mean_and_std_of_its_metadata(
    runtime: str, model: TinyModel, mean: float, std: float, repeated: int
) -> None:
    metadata = described([mean] * repeated, [std] * repeated)
    file = dataclasses.replace(model, metadata=metadata).written()
    expected = softmax(by_numpy(model, 1 / std, -mean / std))
    found = scores(with_tail(file, ("labels.txt", b"defected\nhealthy\n")), None)
    tolerance = 1e-5 if model.input_as is None else 0.03
    assert found == pytest.approx(dict(zip(LABELS, expected, strict=True)), abs=tolerance)


TAILS: dict[str, tuple[str, bytes]] = {
    "plain": ("labels.txt", b"defected\nhealthy\n"),
    "with indexes": ("labels.txt", b"1 healthy\n0 defected\n"),
    "UTF-16": ("labels.txt", "defected\r\nhealthy\r\n".encode("utf-16")),
    "with a mark": ("labels.txt", "\ufeffdefected\r\nhealthy\r\n".encode()),
    "a space in its name": ("my labels.txt", b"defected\nhealthy\n"),
    "deep folders": ("assets/model/v1/labels.txt", b"defected\nhealthy\n"),
    "AutoML": ("dict.txt", b"defected\nhealthy\n"),
    "label map": ("labelmap.txt", b"defected\nhealthy\n"),
    "in another script": ("étiquettes_labels.txt", b"defected\nhealthy\n"),
    "Ultralytics": (
        "temp_meta.txt",
        b"{'nc': 2, 'names': {0: 'defected', 1: 'healthy'}}",
    ),
    "JSON": ("metadata.json", b'{"names": {"1": "healthy", "0": "defected"}}'),
    "YAML": ("metadata.yaml", b"names:\n  0: defected\n  1: healthy\n"),
}


@pytest.mark.parametrize(("name", "data"), TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("named", [True, False], ids=["in metadata", "only in the tail"])
@pytest.mark.parametrize("kind", [2, 3], ids=["axis", "values"])
def test_labels_in_the_tail_of_other_exporters(
    name: str, data: bytes, named: bool, kind: int
) -> None:
    metadata = described(labels=name, kind=kind) if named else None
    file = dataclasses.replace(RGB, metadata=metadata).written()
    others = ("README.md", b"\xff"), ("__MACOSX/._labels.txt", b"x\ny\n"), ("empty/", b"")
    whole = with_tail(file, (name, data), *others)
    assert third_party_contract(whole, "it", ModelOverrides(scale=1)).labels == LABELS


def plain_tail(*members: tuple[str, bytes], **metadata: Any) -> Callable[[], bytes]:
    def made() -> bytes:
        described_by = described(**metadata) if metadata else None
        return with_tail(dataclasses.replace(RGB, metadata=described_by).written(), *members)

    return made


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        pytest.param(
            plain_tail(("labels.txt", b"a\nb\n"), ("labels_en.txt", b"b\na\n")),
            ModelOverrides(scale=1),
            "has different labels in 'labels.txt' and in 'labels_en.txt'",
            id="two lists",
        ),
        pytest.param(
            plain_tail(("labels.txt", b"a\nb\nc\n")),
            ModelOverrides(scale=1),
            "neither .* nor usable labels.*; 'labels.txt' has 3 labels, expected 2. Name",
            id="a list of another length",
        ),
        pytest.param(
            plain_tail(("labels.txt", b"0 a\n2 b\n")),
            ModelOverrides(scale=1),
            "the labels in 'labels.txt': index 1 is missing: .*--labels",
            id="with a gap",
        ),
        pytest.param(
            plain_tail(("model.bin", b"")),
            ModelOverrides(scale=1),
            "has neither a partsight contract nor usable labels.*another tool. Name",
            id="no labels",
        ),
        pytest.param(
            RGB.written,
            dataclasses.replace(BYTES, logits=True),
            "expected logits because of --logits, .*ends with a softmax. Leave --logits out",
            id="a softmax twice",
        ),
        pytest.param(
            quantized(dataclasses.replace(ONE, output_shape=(1, 1, 1, 1)), INT8).written,
            dataclasses.replace(BYTES, logits=True),
            "ends with a sigmoid",
            id="a sigmoid twice",
        ),
        pytest.param(
            dataclasses.replace(GREY, metadata=described((1.0, 2.0, 3.0), (255.0,) * 3)).written,
            ModelOverrides(LABELS),
            "has a grey input.* received \\(1.0, 2.0, 3.0\\)",
            id="three means for grey",
        ),
        pytest.param(
            plain_tail(("l.txt", b"a\nb\nc\n"), labels="l.txt"),
            ModelOverrides(scale=1),
            "gives 2 scores: expected 2 labels, received 3",
            id="named, of another length",
        ),
        pytest.param(
            plain_tail(("l.txt", b"0 a\n2 b\n"), labels="l.txt"),
            ModelOverrides(scale=1),
            "the labels in 'l.txt': index 1 is missing",
            id="named, with a gap",
        ),
        pytest.param(
            plain_tail(("l.txt", b"\xff\xfea"), labels="l.txt"),
            ModelOverrides(scale=1),
            "the labels in 'l.txt': line 1 is not text in UTF-16",
            id="named, no text",
        ),
        pytest.param(
            plain_tail(("l.txt", b"a\nb\n"), ("l.txt", b"b\na\n"), labels="l.txt"),
            ModelOverrides(scale=1),
            "is damaged: 'l.txt' occurs twice",
            id="named, twice in it",
        ),
        pytest.param(
            plain_tail(("../l.txt", b"a\nb\n"), labels="../l.txt"),
            ModelOverrides(scale=1),
            "is damaged: a file in it has the name '../l.txt'",
            id="named, outside",
        ),
        pytest.param(
            plain_tail(labels="l.txt"),
            ModelOverrides(scale=1),
            "has lost 'l.txt'",
            id="named, lost",
        ),
        pytest.param(
            RGB.written,
            ModelOverrides(("good", "OK"), scale=1),
            "every label of the model names good parts: good, OK.*--accept-label",
            id="all labels good",
        ),
        pytest.param(
            ONE.written,
            ModelOverrides(("a", "b", "c"), scale=1),
            "gives 1 score: expected two labels, whose second .* received 3",
            id="three labels for a sigmoid",
        ),
        pytest.param(
            dataclasses.replace(RGB, copies=2).written,
            BYTES,
            r"outputs \(1, 2\) float32, \(1, 2\) float32, as in detectors.* one input and one",
            id="two outputs",
        ),
        pytest.param(
            dataclasses.replace(RGB, input_shape=(8, HEIGHT, WIDTH, 3)).written,
            BYTES,
            "for several images at once",
            id="a batch of eight",
        ),
        pytest.param(
            dataclasses.replace(RGB, signature=(-1, -1, -1, 3)).written,
            BYTES,
            "a variable image size",
            id="open size",
        ),
        pytest.param(
            TinyModel(((1.0,) * 4, (2.0,) * 4), BIAS, (1, HEIGHT, WIDTH, 4)).written,
            BYTES,
            "4 channels, not RGB or grey",
            id="four channels",
        ),
        pytest.param(
            TinyModel(WEIGHTS, BIAS, (1, 30, 3), (1,)).written,
            BYTES,
            "the input is not an image",
            id="no picture",
        ),
        pytest.param(
            dataclasses.replace(RGB, input_type="int16").written,
            BYTES,
            "the input is int16",
            id="int16",
        ),
        pytest.param(
            dataclasses.replace(RGB, output_type="int64").written,
            BYTES,
            "the output is int64: not scores, but a decision",
            id="argmax",
        ),
        pytest.param(
            dataclasses.replace(quantized(RGB, INT8), without_scales=True).written,
            BYTES,
            "the input has no scale and zero point",
            id="int8 without a scale",
        ),
        pytest.param(
            dataclasses.replace(quantized(RGB, UINT8), without_scales=True).written,
            ModelOverrides(LABELS),
            "the output has no scale and zero point",
            id="uint8 without a scale",
        ),
        pytest.param(
            dataclasses.replace(RGB, input_type="uint8").written,
            BYTES,
            "has an input of plain bytes: expected no --scale",
            id="a scale for bytes",
        ),
        pytest.param(
            quantized(RGB, UINT8).written,
            ModelOverrides(LABELS, scale=1),
            "--scale 1 --offset 0 cannot be used: bytes become 0 to 255, but the range of its "
            "input is 0 to 1.*e.g. 0.00392157 and 0",
            id="a scale that does not fit",
        ),
        pytest.param(
            quantized(RGB, Quantization("int8", 1.0, -128)).written,
            BYTES,
            "bytes become 0 to 1, but the range of its input is 0 to 255",
            id="a scale that is too small",
        ),
        pytest.param(
            lambda: with_tail(
                dataclasses.replace(quantized(RGB, INT8), metadata=described((0,), (1,))).written(),
                ("labels.txt", b"a\nb"),
            ),
            None,
            "with the mean and std in its metadata cannot be used: bytes become 0 to 255",
            id="metadata that do not fit",
        ),
        pytest.param(
            quantized(RGB, UINT8).written,
            FROM_MINUS_1,
            "bytes become -1 to 1, but the range of its input is 0 to 1",
            id="half of the bytes do not fit",
        ),
        pytest.param(
            RGB.written,
            ModelOverrides(LABELS, scale=float("inf")),
            "scale must be above 0, and an offset finite",
            id="infinite scale",
        ),
    ],
)
def test_unusable_models_are_refused_with_the_reason(
    model: Callable[[], bytes], given: ModelOverrides | None, message: str
) -> None:
    with pytest.raises(ModelError, match=message) as refusal:
        Classifier.load(model(), overrides=given)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(
            TinyModel(((0.2, 0.1, 0.1), (0.3, 0.3, 0.1)), (0.4, 0.2), final="none"),
            r"with the sum 1, received .* --logits",
            id="logits within 0 and 1",
        ),
        pytest.param(
            TinyModel(WEIGHTS, (9.0, 9.0), final="logistic"),
            "a sigmoid for each label cannot be used",
            id="two sigmoids",
        ),
        pytest.param(
            TinyModel(WEIGHTS, (9.0, 9.0), final="none"), r"in \[0, 1\], received", id="logits"
        ),
    ],
)
def test_scores_that_are_not_probabilities_are_refused(model: TinyModel, message: str) -> None:
    classifier = Classifier.load(model.written(), trusted=True, overrides=BYTES)
    with pytest.raises(ModelError, match=message):
        classifier.classify([IMAGE_BGR])
    with pytest.raises(ModelError, match=message):  # before any part is judged
        Classifier.load(model.written(), overrides=BYTES)


@pytest.mark.parametrize(
    "layout", [TensorLayout(), TensorLayout(1, True), TensorLayout(3, False, True)]
)
def test_the_layout_is_part_of_the_contract(layout: TensorLayout) -> None:
    given = ModelOverrides(LABELS, scale=1)
    contract = dataclasses.replace(third_party_contract(RGB.written(), "it", given), layout=layout)
    document = json.loads(json.dumps(contract_to_document(contract)))
    assert contract_from_document(document) == contract
    assert ("layout" in document) == (layout != TensorLayout())


def test_a_model_that_differs_from_its_contract_is_refused() -> None:
    contract = third_party_contract(GREY.written(), "it", BYTES)
    file = Classifier.load(RGB.written(), trusted=True, overrides=BYTES).model
    other = dataclasses.replace(file, contract=contract)
    with pytest.raises(ContractError, match=r"expected tensors \(\(1, 4, 6, 1\)"):
        Classifier(other, Classifier.load(RGB.written(), trusted=True, overrides=BYTES).interpreter)
