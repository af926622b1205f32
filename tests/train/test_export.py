"""Converted files: input and output types, and scores close to the float model."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight.inference.interpreter import Interpreter
from partsight.inference.runtimes import runtimes
from partsight_train.backbones.backbone import open_backbone
from partsight_train.conversion.convert import convert
from partsight_train.conversion.names import VARIANTS, VariantName
from partsight_train.conversion.operators import needs_of
from partsight_train.export.assemble import assemble
from partsight_train.heads.head import Head
from partsight_train.tensorflow_stack import keras, tf

# Tolerance for scores: rounding of float32, of float16, of int8 weights in three layers, of int8
# activations, and two steps of a uint8 softmax.
SCORE_TOLERANCE: dict[VariantName, float] = {
    "none": 1e-5,
    "float16": 2e-3,
    "dynamic": 0.02,
    "int16x8": 0.02,
    "int8-float": 0.03,
    "int8": 0.03,
}
SHAPE = (32, 32, 3)


@pytest.fixture(scope="module", params=[1, 8], ids=["one view", "eight views"])
def model(tiny_backbone: Path, request: pytest.FixtureRequest) -> keras.Model:
    generator = np.random.default_rng(0)
    head = Head(
        generator.normal(size=(16, 2)).astype(np.float32), np.array([0.1, -0.1], np.float32)
    )
    backbone = dataclasses.replace(open_backbone(str(tiny_backbone)), views=request.param)
    return assemble(backbone, head)


def pictures(count: int) -> list[NDArray[np.uint8]]:
    generator = np.random.default_rng(1)
    return [generator.integers(0, 256, (32, 32, 3), np.uint8) for _ in range(count)]


@pytest.mark.parametrize(
    "calibration",
    [pictures(20), [np.full((32, 32, 3), 128, np.uint8)] * 3],
    ids=["noise", "uniform grey"],
)
def test_the_input_of_int8_is_the_bytes_of_a_frame(
    model: keras.Model, calibration: list[NDArray[np.uint8]]
) -> None:
    interpreter = Interpreter(convert(model, SHAPE, "int8", calibration))
    assert interpreter.input.shape == (1, 32, 32, 3)
    assert interpreter.input.dtype == interpreter.output.dtype == np.uint8
    assert np.float32(interpreter.input.scale) == np.float32(1 / 255)
    assert interpreter.input.zero_point == 0
    assert (interpreter.output.scale, interpreter.output.zero_point) == (1 / 256, 0)


# tflite-runtime cannot share a process with TensorFlow, so each runtime has its own.
RUN = """
import sys
import numpy as np
from partsight.inference.scores import dequantize
from partsight.inference.input_encoding import input_encoder
from partsight.image.normalization import Normalization
from partsight.inference.interpreter import Interpreter
interpreter = Interpreter(open(sys.argv[1], "rb").read())
pictures = np.load(sys.argv[2])
encode = input_encoder(interpreter.input, Normalization())
raw = [interpreter.invoke(encode(picture)[np.newaxis])[0] for picture in pictures]
np.save(sys.argv[3], dequantize(np.stack(raw), interpreter.output))
"""


@pytest.mark.parametrize("runtime", [runtime.name for runtime in runtimes()])
@pytest.mark.parametrize(("variant", "tolerance"), SCORE_TOLERANCE.items())
def test_scores_are_close_to_the_float_model(
    model: keras.Model, runtime: str, variant: VariantName, tolerance: float, tmp_path: Path
) -> None:
    (tmp_path / "model").write_bytes(convert(model, SHAPE, variant, pictures(40)))
    inputs = np.stack(pictures(10))
    np.save(tmp_path / "pictures.npy", inputs)
    paths = [tmp_path / name for name in ("model", "pictures.npy", "scores.npy")]
    environment = {**os.environ, "PARTSIGHT_RUNTIME": runtime}
    subprocess.run([sys.executable, "-c", RUN, *paths], check=True, env=environment)
    exact = model(inputs.astype(np.float32) / 255).numpy()
    np.testing.assert_allclose(np.load(paths[2]), exact, atol=tolerance)


@pytest.mark.parametrize("runtime", [runtime.name for runtime in runtimes()])
def test_scores_of_int8_float_are_not_quantized(
    model: keras.Model, runtime: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "pictures.npy", np.stack([picture // 2 for picture in pictures(40)]))
    scores = {}
    for variant in ("int8", "int8-float"):
        paths = [tmp_path / name for name in (variant, "pictures.npy", f"{variant}.npy")]
        paths[0].write_bytes(convert(model, SHAPE, variant, pictures(40)))
        environment = {**os.environ, "PARTSIGHT_RUNTIME": runtime}
        subprocess.run([sys.executable, "-c", RUN, *paths], check=True, env=environment)
        scores[variant] = np.load(paths[2])[:, 0]
    in_steps = scores["int8-float"] * 256
    assert (scores["int8"] * 256 == np.round(scores["int8"] * 256)).all()
    assert np.abs(in_steps - np.round(in_steps)).max() > 0.1
    assert len(np.unique(scores["int8-float"])) > len(np.unique(scores["int8"]))


def test_only_the_head_is_trainable(model: keras.Model) -> None:
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 2 + 16 * 2


def test_an_input_with_another_scale_is_refused(
    model: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.quantization, "fake_quant_with_min_max_args", lambda image, *_: image)
    dark = [picture // 4 for picture in pictures(3)]
    with pytest.raises(ModelError, match=r"expected scale 1/255 .*, received 0\.00096"):
        convert(model, SHAPE, "int8", dark)


@pytest.mark.parametrize("variant", VARIANTS)
def test_types_of_input_and_output_by_variant(model: keras.Model, variant: VariantName) -> None:
    interpreter = Interpreter(convert(model, SHAPE, variant, pictures(10)))
    dtypes = {interpreter.input.dtype, interpreter.output.dtype}
    assert dtypes == {np.dtype("uint8" if variant == "int8" else "float32")}


@pytest.mark.parametrize(
    ("variant", "convolution"), [("none", 1), ("float16", 1), ("dynamic", 5), ("int8", 3)]
)
def test_operator_versions_run_on_tflite_runtime_2_14(
    model: keras.Model, variant: VariantName, convolution: int
) -> None:
    needs = needs_of(convert(model, SHAPE, variant, pictures(10)))
    assert needs.operators["CONV_2D"] == convolution
    # The newest that tflite-runtime 2.14 has; with a scale for each row it would be 12.
    assert needs.operators["FULLY_CONNECTED"] <= 11
    assert needs.min_runtime is not None
    assert tuple(map(int, needs.min_runtime.split("."))) <= (2, 14, 0)
