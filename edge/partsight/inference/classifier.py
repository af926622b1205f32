"""Classifier engine: BGR images in, a ``Prediction`` for each out.

Batch, line and evaluation classify through it. ``partsight.api`` adds what Python users need.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import decide, worst_tile
from partsight.errors import ContractError
from partsight.image.preprocess import preprocess
from partsight.image.statistics import grey_range
from partsight.inference.input_encoding import input_encoder
from partsight.inference.interpreter import Interpreter, TensorInfo
from partsight.inference.probabilities import probabilities, scores_shape
from partsight.inference.scores import dequantize
from partsight.model.contract import Contract
from partsight.model.file import ModelFile, load_model_file
from partsight.model.third_party import ModelOverrides
from partsight.records import Prediction, Verdict

__all__ = ["Classifier"]

# Supported types of tensors.
_DTYPES = {np.dtype(name) for name in ("float32", "int8", "uint8")}


class Classifier:
    """A loaded model, for one thread at a time; make a ``clone`` for each further thread.

    Attributes:
        model: the model file.
        contract: labels, preprocessing, operating point and provenance.
        model_sha256: hexadecimal digest of the whole model file.
    """

    def __init__(self, model: ModelFile, interpreter: Interpreter) -> None:
        _check_tensors(model.contract, interpreter)
        _check_heatmap(model.contract, interpreter.heatmap)
        self.model = model
        self.contract = model.contract
        self.model_sha256 = model.sha256
        self.interpreter = interpreter
        contract = model.contract
        self._feed = input_encoder(interpreter.input, contract.normalization, contract.layout)

    @classmethod
    def open(
        cls, model: str | Path | bytes, *, threads: int = 1, overrides: ModelOverrides | None = None
    ) -> Classifier:
        """Open a model that is trusted, and check its tensors against its contract.

        For models of any other origin see ``qualification.load``.

        Args:
            model: path of the model file, or its bytes.
            threads: number of threads that the runtime may use.
            overrides: facts that a third-party model does not contain.

        Raises:
            ContractError: the model has no contract, or its tensors differ from it.
            EnvironmentFault: no TFLite runtime on this machine.
            ModelError: the file is missing, damaged or refused by the runtime.
        """
        file = load_model_file(model, overrides)
        return cls(file, Interpreter(file.data, threads=threads))

    def clone(self) -> Classifier:
        """A second instance of the model with one runtime thread, for use in another thread."""
        return Classifier(self.model, self.interpreter.clone())

    def classify(self, images_bgr: Iterable[NDArray[np.uint8]]) -> list[Prediction]:
        """Classify images.

        Args:
            images_bgr: uint8 (H, W, 3) BGR arrays of any size, as from OpenCV.

        Returns:
            One prediction per image, in their order.

        Raises:
            ImageError: an array has another type or shape.
        """
        return [self.predict(self.prepare(image)) for image in images_bgr]

    def decide(self, prediction: Prediction) -> Verdict:
        """Accept, reject or review, by the contract's operating point.

        An image with practically no contrast is never accepted, see ``OperatingPoint``.
        """
        return decide(prediction, self.contract.operating_point)

    def prepare(self, image_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The first half of ``classify``: preprocess one image.

        Args:
            image_bgr: uint8 (H, W, 3) BGR.

        Returns:
            uint8 (h, w, 3) RGB, of the contract's size.

        Raises:
            ImageError: the array has another type or shape.
        """
        return preprocess(image_bgr, self.contract.preprocess)

    def predict(self, input_rgb: NDArray[np.uint8]) -> Prediction:
        """The second half of ``classify``: run the model on the result of ``prepare``."""
        # Measured on the whole image, because a good part may have flat tiles.
        contrast = grey_range(input_rgb, self.contract.preprocess)
        raw = self.interpreter.invoke(self._feed(input_rgb)[np.newaxis])
        scores = probabilities(raw, self.interpreter.output, self.contract)
        labels, columns = self.contract.labels, self.contract.tiles[1]
        if self.contract.tiles == (1, 1):
            named = dict(zip(labels, scores.tolist(), strict=True))
            return Prediction(named, heatmap=self._heatmap(), contrast=contrast)
        worst = worst_tile(labels, scores, self.contract.operating_point.accept_labels)
        named = dict(zip(labels, scores[worst].tolist(), strict=True))
        return Prediction(named, divmod(worst, columns), self._heatmap(), contrast)

    def _heatmap(self) -> NDArray[np.float32] | None:
        """The heat map of the last prediction."""
        raw, info = self.interpreter.read_heatmap(), self.interpreter.heatmap
        if raw is None or info is None:
            return None
        return dequantize(raw[0, :, :, 0], info).astype(np.float32)


def _check_tensors(contract: Contract, interpreter: Interpreter) -> None:
    spec = contract.preprocess
    scores = () if contract.layout.single_score else scores_shape(contract)
    expected = (contract.layout.input_shape(spec.height, spec.width), (1, *scores))
    received = (interpreter.input.shape, interpreter.output.shape)
    dtypes = [interpreter.input.dtype, interpreter.output.dtype]
    # The output of some models has the shape (1, 1, 1, K) or (K,).
    same_scores = _without_ones(received[1]) == _without_ones(expected[1])
    if received[0] != expected[0] or not same_scores or not set(dtypes) <= _DTYPES:
        raise ContractError(
            f"the model does not match its contract: expected tensors {expected} of "
            f"{', '.join(sorted(map(str, _DTYPES)))}, received {received} of "
            f"{' and '.join(map(str, dtypes))}. Export it again."
        )


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _check_heatmap(contract: Contract, info: TensorInfo | None) -> None:
    expected = contract.heatmap and (1, *contract.heatmap, 1)
    if (info and info.shape) != expected or (info and info.dtype not in _DTYPES):
        raise ContractError(
            f"the model does not match its contract: expected a heat map {expected}, received "
            f"{info and f'{info.shape} of {info.dtype}'}. Export it again."
        )
