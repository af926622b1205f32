"""One file of the approved model: converted, given its operating point, compared.

Made of a ``ReferenceModel``, the name of a variant, and a ``ConversionSpec`` unless it is plain.
Leaves: a ``Variant``, whose bytes are the whole delivery; nothing is written yet. Called by
``train``, by ``partsight export`` and by its ``remedies``.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.evaluation.evaluate import ScoredImages, score_images
from partsight.inference.classifier import Classifier
from partsight.model.contract import Contract
from partsight.model.file import attach_contract
from partsight_train.conversion.convert import convert, quantize
from partsight_train.conversion.names import CALIBRATED, VariantName
from partsight_train.conversion.operators import needs_of
from partsight_train.data.calibration import Calibration, choose_calibration
from partsight_train.data.dataset import LabelledImage, Split
from partsight_train.export.gate import compare
from partsight_train.export.golden import golden_samples
from partsight_train.export.metadata import with_metadata
from partsight_train.export.reference import reference_of
from partsight_train.fit.operating_point import operating_point
from partsight_train.settings import TrainSettings

__all__ = [
    "ReferenceModel",
    "ConversionSpec",
    "Variant",
    "make_variant",
    "plain_recipe",
    "recorded",
]


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceModel:
    """The float model, and what a file of it is made and measured by.

    Attributes:
        network: float32 (1, H, W, 3), RGB in [0, 1], to probabilities, and to a map beside
            where the draft has one; of tensors.
        draft: the contract, but for the operating point's thresholds and the golden samples.
        settings: of calibration and of the operating point.
        pictures: by split; all can be decoded. Calibration takes some of the training split,
            the operating point is chosen on the validation split, and on the test split the
            file is compared.
        scores: the float model's on the validation and on the test split, float (N, K).
    """

    network: Callable[[Any], Any]
    draft: Contract
    settings: TrainSettings
    pictures: Mapping[Split, Sequence[LabelledImage]]
    scores: Mapping[Split, NDArray[np.float64]]

    @property
    def shape(self) -> tuple[int, int, int]:
        """H, W and 3 of what the network takes."""
        return (self.draft.preprocess.height, self.draft.preprocess.width, 3)


@dataclass(frozen=True, slots=True, eq=False)
class ConversionSpec:
    """What a file is converted from.

    Attributes:
        network: as that of ``ReferenceModel``.
        calibration: the pictures that ranges are taken from; None where there are none.
        in_float: names of layers of an int8 file that are computed in float.
        ranged: ``convert.with_ranges`` of the network and the pictures, where it is known already.
    """

    network: Callable[[Any], Any]
    calibration: Calibration | None
    in_float: tuple[str, ...] = ()
    ranged: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """A file, and what it is worth.

    Attributes:
        flatbuffer: the bytes without a contract.
        members: pictures of the golden samples.
        contract: with the operating point of this very file.
        on_validation: what the file says of the validation split.
        on_test: what it says of the test split.
        parity: see ``gate.compare``.
    """

    flatbuffer: bytes
    members: Mapping[str, bytes]
    contract: Contract
    on_validation: ScoredImages
    on_test: ScoredImages
    parity: Mapping[str, Any]

    @property
    def data(self) -> bytes:
        """The file."""
        return attach_contract(self.flatbuffer, self.contract, self.members)


def plain_recipe(reference_model: ReferenceModel, variant: VariantName) -> ConversionSpec:
    """The approved network and ``settings.calibration`` pictures."""
    chosen = None
    if variant in CALIBRATED:
        settings = reference_model.settings
        chosen = choose_calibration(
            reference_model.pictures[Split.TRAIN],
            reference_model.draft.preprocess,
            settings.calibration,
            settings.head.seed,
        )
    return ConversionSpec(reference_model.network, chosen)


def make_variant(
    reference_model: ReferenceModel,
    variant: VariantName,
    conversion_spec: ConversionSpec | None = None,
) -> Variant:
    """Convert, choose the operating point, measure, take samples.

    The thresholds are chosen on the scores of the very file that will judge: int8 scores
    have 256 steps, and a threshold of the float model may fall between them.

    Args:
        reference_model: the float model.
        variant: the kind of file.
        conversion_spec: None is ``plain_recipe``.

    Raises:
        ModelError: it cannot be converted, or the runtime refuses it.
    """
    draft, settings, pictures = (
        reference_model.draft,
        reference_model.settings,
        reference_model.pictures,
    )
    conversion_spec = conversion_spec or plain_recipe(reference_model, variant)
    flatbuffer = _converted(conversion_spec, variant, reference_model.shape)

    # The thresholds do not change the scores: what is loaded here gives those of the delivery.
    data, threads = attach_contract(flatbuffer, draft), os.cpu_count() or 1
    classifier = Classifier.open(data, threads=threads)
    on_validation = _scored(classifier, pictures[Split.VALIDATION])
    accepted = draft.operating_point.accept_labels
    point = operating_point(
        draft.labels,
        accepted,
        settings,
        on_validation.true,
        on_validation.scores,
        on_validation.contrasts,
    )
    on_test = _scored(classifier, pictures[Split.TEST])
    parity = compare(draft.labels, on_test.true, reference_model.scores[Split.TEST], on_test.scores)
    golden, members = golden_samples(classifier, pictures[Split.TEST], settings.head.seed)
    chosen = conversion_spec.calibration
    made = {
        "variant": variant,
        "calibration": chosen and {"pictures": len(chosen.paths), "seed": settings.head.seed},
        "in_float": conversion_spec.in_float,
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


def recorded(file: Variant, remedies: Sequence[Mapping[str, Any]]) -> Variant:
    """The same file, whose contract tells which remedies were tried."""
    made = {**file.contract.provenance["export"], "remedies": list(remedies)}
    provenance = {**file.contract.provenance, "export": made}
    return dataclasses.replace(
        file, contract=dataclasses.replace(file.contract, provenance=provenance)
    )


def _converted(
    conversion_spec: ConversionSpec, variant: VariantName, shape: tuple[int, int, int]
) -> bytes:
    if conversion_spec.ranged:
        return quantize(conversion_spec.ranged, variant, conversion_spec.in_float)
    pictures = conversion_spec.calibration.pictures() if conversion_spec.calibration else []
    return convert(conversion_spec.network, shape, variant, pictures)


def _accuracy(scored: ScoredImages) -> float | None:
    """The share of the pictures that get their own label, in [0, 1]; None of none."""
    right = scored.scores.argmax(axis=1) == scored.true
    return float(right.mean()) if len(right) else None


def _scored(classifier: Classifier, pictures: Sequence[LabelledImage]) -> ScoredImages:
    return score_images(classifier, ((picture.path, picture.label) for picture in pictures))
