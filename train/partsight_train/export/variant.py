"""One file of the approved model: converted, with its operating point and its parity.

Nothing is written here. Called by ``train`` and by ``partsight export``.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.evaluate import ScoredImages, score_images
from partsight.inference.classifier import Classifier
from partsight.inference.runtimes import RuntimeOptions
from partsight.model.contract import Contract
from partsight.model.file import attach_contract
from partsight_train.conversion.convert import convert
from partsight_train.conversion.names import CALIBRATED, VariantName
from partsight_train.conversion.operators import needs_of
from partsight_train.data.calibration import Calibration, choose_calibration
from partsight_train.data.dataset import LabelledImage, Split
from partsight_train.export.drift_reference import reference_of
from partsight_train.export.gate import compare
from partsight_train.export.golden import golden_samples
from partsight_train.export.metadata import with_metadata
from partsight_train.fit.operating_point import operating_point
from partsight_train.settings import TrainSettings

__all__ = [
    "ReferenceModel",
    "Variant",
    "make_variant",
]


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceModel:
    """The approved float model, with everything to make files of it and to compare them.

    Attributes:
        network: function of tensors from float32 (1, H, W, 3), RGB in [0, 1], to probabilities;
            also to a heat map if the draft has one.
        draft: the contract without thresholds and golden samples.
        settings: how to calibrate and to choose the operating point.
        images: by split; all can be decoded. Calibration uses the training split, the operating
            point is chosen on the validation split, and parity is measured on the test split.
        scores: scores of the float model on the validation and the test split, float (N, K).
    """

    network: Callable[[Any], Any]
    draft: Contract
    settings: TrainSettings
    images: Mapping[Split, Sequence[LabelledImage]]
    scores: Mapping[Split, NDArray[np.float64]]

    @property
    def shape(self) -> tuple[int, int, int]:
        """H, W and 3 of the network's input."""
        return (self.draft.preprocess.height, self.draft.preprocess.width, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """A file and its results.

    Attributes:
        flatbuffer: the bytes without a contract.
        members: images of the golden samples, by name.
        contract: the contract with the operating point of this file.
        on_validation: results of the file on the validation split.
        on_test: results of the file on the test split.
        parity: see ``gate.compare``.
    """

    flatbuffer: bytes
    members: Mapping[str, bytes]
    contract: Contract
    on_validation: ScoredImages
    on_test: ScoredImages
    parity: Mapping[str, Any]

    @property
    def held_out(self) -> tuple[ScoredImages, ScoredImages]:
        """Results on the two splits that the model was not trained on."""
        return self.on_validation, self.on_test

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return attach_contract(self.flatbuffer, self.contract, self.members)


def make_variant(reference_model: ReferenceModel, variant: VariantName) -> Variant:
    """Convert, choose the operating point, measure parity and take golden samples.

    The thresholds are chosen on the scores of the file itself: int8 scores have 256 steps, and a
    threshold of the float model may fall between two of them.

    Args:
        reference_model: the float model.
        variant: the kind of file.

    Raises:
        ModelError: the network cannot be converted, or the runtime refuses the file.
    """
    draft, settings = reference_model.draft, reference_model.settings
    calibration = _calibration(reference_model, variant)
    calibration_images = calibration.images() if calibration else []
    flatbuffer = convert(
        reference_model.network, reference_model.shape, variant, calibration_images
    )

    # Thresholds do not change scores: a contract without them gives those of the delivered file.
    data, threads = attach_contract(flatbuffer, draft), os.cpu_count() or 1
    classifier = Classifier.open(data, RuntimeOptions(threads=threads))
    images = reference_model.images
    on_validation = _scored(classifier, images[Split.VALIDATION])
    on_test = _scored(classifier, images[Split.TEST])
    point = _operating_point(draft, settings, on_validation)
    parity = compare(draft.labels, on_test.true, reference_model.scores[Split.TEST], on_test.scores)
    golden, members = golden_samples(classifier, images[Split.TEST], settings.head.seed)
    made = {
        "variant": variant,
        "calibration": _calibration_document(calibration, settings),
        **dataclasses.asdict(needs_of(flatbuffer)),
        "parity": parity,
        "test": {"accuracy": _accuracy(on_test), "images": len(on_test.true)},
    }
    contract = dataclasses.replace(
        draft,
        operating_point=point,
        provenance={**draft.provenance, "export": made},
        golden=golden,
        reference=reference_of((on_validation, on_test), draft, point),
    )
    described = with_metadata(flatbuffer, contract, settings.card)
    return Variant(described, members, contract, on_validation, on_test, parity)


def _calibration(reference_model: ReferenceModel, variant: VariantName) -> Calibration | None:
    """Up to ``settings.calibration`` training images; None if the variant needs none."""
    if variant not in CALIBRATED:
        return None
    settings = reference_model.settings
    return choose_calibration(
        reference_model.images[Split.TRAIN],
        reference_model.draft.preprocess,
        settings.calibration,
        settings.head.seed,
    )


def _operating_point(
    draft: Contract, settings: TrainSettings, on_validation: ScoredImages
) -> OperatingPoint:
    return operating_point(
        draft.labels,
        draft.operating_point.accept_labels,
        settings,
        on_validation.true,
        on_validation.scores,
        on_validation.contrasts,
    )


def _calibration_document(
    calibration: Calibration | None, settings: TrainSettings
) -> dict[str, int] | None:
    if calibration is None:
        return None
    return {"pictures": len(calibration.paths), "seed": settings.head.seed}


def _accuracy(scored: ScoredImages) -> float | None:
    """The share of images that get their own label, in [0, 1]; None if there are none."""
    right = scored.scores.argmax(axis=1) == scored.true
    return float(right.mean()) if len(right) else None


def _scored(classifier: Classifier, images: Sequence[LabelledImage]) -> ScoredImages:
    return score_images(classifier, ((image.path, image.label) for image in images))
