"""One file of the approved model: converted, given its operating point, compared.

Enters: an ``Approved`` model and a variant's name. Leaves: a ``Variant``, whose bytes are the
whole delivery; nothing is written yet. Called by ``train`` and by ``partsight export``.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.classify import Classifier
from partsight.contract import Contract
from partsight.evaluate import ScoredPictures, score_pictures
from partsight.model_file import attach_contract
from partsight_train.dataset import LabelledPicture, Split
from partsight_train.export.calibration import choose_calibration
from partsight_train.export.convert import convert
from partsight_train.export.gate import compare
from partsight_train.export.golden import golden_samples
from partsight_train.export.metadata import with_metadata
from partsight_train.export.names import CALIBRATED, VariantName
from partsight_train.export.operators import needs_of
from partsight_train.operating_point import operating_point
from partsight_train.settings import TrainSettings

__all__ = ["Approved", "Variant", "make_variant"]


@dataclass(frozen=True, slots=True, eq=False)
class Approved:
    """The float model, and what a file of it is made and measured by.

    Attributes:
        network: float32 (1, H, W, 3), RGB in [0, 1], to probabilities, and to a map beside
            where the draft has one; of tensors.
        draft: the contract, but for the operating point's thresholds and the golden samples.
        settings: of calibration and of the operating point.
        pictures: by split; all can be decoded. Calibration takes some of the training split,
            the operating point is chosen on the validation split, and on the test split the
            file is compared.
        scores: the float model's on the test split, float (N, K).
    """

    network: Callable[[Any], Any]
    draft: Contract
    settings: TrainSettings
    pictures: Mapping[Split, Sequence[LabelledPicture]]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """A file, and what it is worth.

    Attributes:
        data: the bytes, with the contract.
        contract: with the operating point of this very file.
        on_validation: what the file says of the validation split.
        on_test: what it says of the test split.
        parity: see ``gate.compare``.
    """

    data: bytes
    contract: Contract
    on_validation: ScoredPictures
    on_test: ScoredPictures
    parity: Mapping[str, Any]


def make_variant(approved: Approved, variant: VariantName) -> Variant:
    """Convert, choose the operating point, measure, take samples.

    The thresholds are chosen on the scores of the very file that will judge: int8 scores
    have 256 steps, and a threshold of the float model may fall between them.

    Raises:
        ModelError: it cannot be converted, or the runtime refuses it.
    """
    draft, settings, pictures = approved.draft, approved.settings, approved.pictures
    spec, seed = draft.preprocess, settings.head.seed
    calibration: list[NDArray[np.uint8]] = []
    if variant in CALIBRATED:
        chosen = choose_calibration(pictures[Split.TRAIN], spec, settings.calibration, seed)
        calibration = chosen.pictures()
    shape = (spec.height, spec.width, 3)
    flatbuffer = convert(approved.network, shape, variant, calibration)

    # The thresholds do not change the scores: what is loaded here gives those of the delivery.
    data, threads = attach_contract(flatbuffer, draft), os.cpu_count() or 1
    classifier = Classifier.load(data, threads=threads, trusted=True)
    on_validation = _scored(classifier, pictures[Split.VALIDATION])
    accepted = draft.operating_point.accept_labels
    point = operating_point(
        draft.labels, accepted, settings, on_validation.true, on_validation.scores
    )
    on_test = _scored(classifier, pictures[Split.TEST])
    parity = compare(draft.labels, on_test.true, approved.scores, on_test.scores)
    golden, members = golden_samples(classifier, pictures[Split.TEST], seed)
    made = {
        "variant": variant,
        "calibration": {"pictures": len(calibration), "seed": seed} if calibration else None,
        **dataclasses.asdict(needs_of(flatbuffer)),
        "parity": parity,
    }
    contract = dataclasses.replace(
        draft,
        operating_point=point,
        provenance={**draft.provenance, "export": made},
        golden=golden,
    )
    described = with_metadata(flatbuffer, contract, settings.card)
    delivered = attach_contract(described, contract, members)
    return Variant(delivered, contract, on_validation, on_test, parity)


def _scored(classifier: Classifier, pictures: Sequence[LabelledPicture]) -> ScoredPictures:
    return score_pictures(classifier, ((picture.path, picture.label) for picture in pictures))
