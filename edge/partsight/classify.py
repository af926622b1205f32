"""Pictures in, predictions out.

Enters: BGR arrays. Leaves: a ``Prediction`` for each. Batch, line and evaluation all
judge through ``Classifier``; so does anyone who uses partsight from Python.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.batch.classify_files import classify_inputs
from partsight.decide import decide, worst_tile
from partsight.errors import ContractError
from partsight.model.contract import Contract
from partsight.model.file import ModelFile, load_model_file
from partsight.model.foreign import GivenFacts
from partsight.model.golden import require_same_scores_once
from partsight.model.probabilities import probabilities, scores_shape
from partsight.model.trust import require_trusted
from partsight.picture.preprocess import preprocess
from partsight.picture.statistics import grey_range
from partsight.records import PictureResult, Prediction, Verdict
from partsight.runtime.feed import feeder
from partsight.runtime.interpreter import Interpreter, TensorInfo
from partsight.runtime.scores import dequantize
from partsight.walk import LeftOut

__all__ = ["Classifier"]

logger = logging.getLogger(__name__)

# What tensors may hold.
_TAKEN = {np.dtype(name) for name in ("float32", "int8", "uint8")}


class Classifier:
    """A model that is ready to judge. Not for two threads at once; load one for each.

    Attributes:
        contract: labels, preprocessing, operating point and provenance.
        model_sha256: hexadecimal digest of the whole model file.
    """

    def __init__(self, model: ModelFile, interpreter: Interpreter) -> None:
        _check_tensors(model.contract, interpreter)
        _check_heatmap(model.contract, interpreter.heatmap)
        self._model = model
        self.contract = model.contract
        self.model_sha256 = model.sha256
        self.interpreter = interpreter
        contract = model.contract
        self._feed = feeder(interpreter.input, contract.normalization, contract.layout)

    @classmethod
    def load(
        cls,
        model: str | Path | bytes,
        *,
        threads: int = 1,
        trusted: bool = False,
        given: GivenFacts | None = None,
        warn: Callable[[str], object] = logger.warning,
    ) -> Classifier:
        """Load a model and check it against its contract.

        Args:
            model: a path, or the file's bytes.
            threads: how many the runtime may use.
            trusted: whether the caller made it, or has asked already; of any other is asked
                who signed it, it is first run in a process of its own, see ``trust``, and its
                golden samples must get here the scores that they got at its export; without
                any, one run must give scores at all.
            given: what a model of another tool does not say of itself.
            warn: receives a line where no label of the model is known to be good, so that every
                verdict is review; not of one whose caller knows it (``trusted``).

        Raises:
            ConfigError: the device has a configuration that cannot be read.
            ModelError: missing, damaged, refused by the runtime, or deciding otherwise here.
            ContractError: without a contract, or not as its contract says.
            EnvironmentFault: no TFLite runtime on this machine.
            SignatureError: not signed by whom this device trusts.
        """
        file = load_model_file(model, given)
        if not trusted:
            require_trusted(file)
        classifier = cls(file, Interpreter(file.data, threads=threads))
        if not trusted:
            require_same_scores_once(file, classifier)
            if not file.contract.golden:
                classifier.predict(_white(file.contract))
            if file.contract.advice is not None:
                warn(file.contract.advice)
        return classifier

    def twin(self) -> Classifier:
        """The same model once more, on one thread, for another thread to judge with."""
        return Classifier(self._model, self.interpreter.twin())

    def classify_files(
        self, paths: Iterable[str | os.PathLike[str]], *, workers: int | None = None
    ) -> Iterator[PictureResult]:
        """Classify what paths stand for, several pictures at once.

        Args:
            paths: files, folders, patterns, lists, archives and videos, as on the command line.
            workers: threads, each with an interpreter of its own; None is one a core.

        Yields:
            A result a picture, in their order: with a prediction and verdict, or with an error.
            Memory stays bounded, however many there are. Files in folders that are not read are
            counted in a warning at the end.
        """
        # Archives and videos need much that a line never does.
        from partsight.inputs.open import open_inputs

        left_out = LeftOut()
        inputs = open_inputs((os.fspath(path) for path in paths), left_out=left_out)
        for _, result in classify_inputs(self, inputs, workers=workers):
            yield result
        if (text := left_out.text()) is not None:
            logger.warning("%s", text)

    def classify(self, images_bgr: Iterable[NDArray[np.uint8]]) -> list[Prediction]:
        """Classify pictures.

        Args:
            images_bgr: uint8 (H, W, 3) BGR arrays of any size, as OpenCV gives them.

        Returns:
            A prediction a picture, in their order.

        Raises:
            ImageError: an array of another kind.
        """
        return [self.predict(self.prepare(image)) for image in images_bgr]

    def decide(self, prediction: Prediction) -> Verdict:
        """Accept, reject or review, by the contract's operating point.

        A picture with practically no contrast is never accepted, see ``OperatingPoint``.
        """
        return decide(prediction, self.contract.operating_point)

    def prepare(self, image_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The first half of ``classify``: what the network sees of a picture.

        Args:
            image_bgr: uint8 (H, W, 3) BGR.

        Returns:
            uint8 (h, w, 3) RGB, of the contract's size.

        Raises:
            ImageError: an array of another kind.
        """
        return preprocess(image_bgr, self.contract.preprocess)

    def predict(self, picture: NDArray[np.uint8]) -> Prediction:
        """The second half of ``classify``, of what ``prepare`` gave."""
        # Of the whole picture, also where it is cut into tiles: a good part may have flat ones.
        contrast = grey_range(picture, self.contract.preprocess)
        raw = self.interpreter.invoke(self._feed(picture)[np.newaxis])
        scores = probabilities(raw, self.interpreter.output, self.contract)
        labels, columns = self.contract.labels, self.contract.tiles[1]
        if self.contract.tiles == (1, 1):
            named = dict(zip(labels, scores.tolist(), strict=True))
            return Prediction(named, heatmap=self._heatmap(), contrast=contrast)
        worst = worst_tile(labels, scores, self.contract.operating_point.accept_labels)
        named = dict(zip(labels, scores[worst].tolist(), strict=True))
        return Prediction(named, divmod(worst, columns), self._heatmap(), contrast)

    def _heatmap(self) -> NDArray[np.float32] | None:
        """Of the picture that was judged last."""
        raw, info = self.interpreter.read_heatmap(), self.interpreter.heatmap
        if raw is None or info is None:
            return None
        return dequantize(raw[0, :, :, 0], info).astype(np.float32)


def _white(contract: Contract) -> NDArray[np.uint8]:
    """A white picture as the network sees it: logits of it are seldom within 0 and 1."""
    return np.full((contract.preprocess.height, contract.preprocess.width, 3), 255, np.uint8)


def _check_tensors(contract: Contract, interpreter: Interpreter) -> None:
    spec = contract.preprocess
    scores = () if contract.layout.single_score else scores_shape(contract)
    expected = (contract.layout.input_shape(spec.height, spec.width), (1, *scores))
    received = (interpreter.input.shape, interpreter.output.shape)
    dtypes = [interpreter.input.dtype, interpreter.output.dtype]
    # Some models give (1, 1, 1, K), or (K,).
    same_scores = _without_ones(received[1]) == _without_ones(expected[1])
    if received[0] != expected[0] or not same_scores or not set(dtypes) <= _TAKEN:
        raise ContractError(
            f"the model is not what its contract says: expected tensors {expected} of "
            f"{', '.join(sorted(map(str, _TAKEN)))}, received {received} of "
            f"{' and '.join(map(str, dtypes))}. Export it again."
        )


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _check_heatmap(contract: Contract, info: TensorInfo | None) -> None:
    expected = contract.heatmap and (1, *contract.heatmap, 1)
    if (info and info.shape) != expected or (info and info.dtype not in _TAKEN):
        raise ContractError(
            f"the model is not what its contract says: expected a heat map {expected}, received "
            f"{info and f'{info.shape} of {info.dtype}'}. Export it again."
        )
