"""From a learned model to the file that is delivered, and the figures of both.

Enters: what was learned and what it was learned from. Leaves: a ``Delivery``, nothing of
which is written yet. Called once by ``train``.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partsight.contract import Contract
from partsight.decide import OperatingPoint
from partsight.evaluate import ScoredPictures
from partsight.model_file import attach_contract
from partsight_train.dataset import Split
from partsight_train.export import assemble, calibration_pictures, convert_int8
from partsight_train.learn import Learned
from partsight_train.measure import score_file, split_metrics
from partsight_train.operating_point import operating_point, warn_of_false_rejects
from partsight_train.parity import compare
from partsight_train.prepare import Prepared
from partsight_train.settings import TrainSettings

__all__ = ["Delivery", "deliver"]


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A model file, the model that it was made from, and what both are worth.

    Attributes:
        model: the float model, a ``keras.Model``.
        data: the bytes of the int8 file, with its contract.
        provenance: the contract's.
        metrics: the document of ``metrics.json``, without the folds.
        on_validation: what the file says of the validation split.
        on_test: what it says of the test split.
    """

    model: Any
    data: bytes
    provenance: Mapping[str, Any]
    metrics: Mapping[str, Any]
    on_validation: ScoredPictures
    on_test: ScoredPictures


def deliver(
    learned: Learned, prepared: Prepared, settings: TrainSettings, config: Mapping[str, Any]
) -> Delivery:
    """Convert, choose the operating point, measure.

    Args:
        learned: the float model.
        prepared: what it was learned from.
        settings: of calibration and of the operating point.
        config: what the run was made from; goes into the contract.
    """
    dataset, backbone = prepared.material.dataset, learned.backbone
    model = assemble(backbone, learned.head, settings.output_name)
    calibration = calibration_pictures(
        dataset.of(Split.TRAIN), backbone.spec, settings.calibration, settings.head.seed
    )
    flatbuffer = convert_int8(model, calibration)

    # The thresholds are chosen on the scores of the very file that will judge: int8 scores
    # have 256 steps, and a threshold of the float model may fall between them.
    choose = functools.partial(operating_point, dataset.labels, prepared.accept_labels, settings)
    provenance = {**config, "temperature": learned.temperature}
    draft = Contract(
        dataset.labels,
        backbone.spec,
        OperatingPoint(prepared.accept_labels),
        provenance,
        tiles=backbone.tiles,
    )
    on_validation = score_file(attach_contract(flatbuffer, draft), dataset.of(Split.VALIDATION))
    point = choose(on_validation.true, on_validation.scores)
    warn_of_false_rejects(point)
    data = attach_contract(flatbuffer, dataclasses.replace(draft, operating_point=point))
    on_test = score_file(data, dataset.of(Split.TEST))

    truth, test = learned.examples.labels, prepared.rows(Split.TEST)
    validation = prepared.rows(Split.VALIDATION)
    float_scores = learned.scores(test)
    float_point = choose(truth[validation], learned.scores(validation))
    metrics = {
        **split_metrics(dataset.labels, truth[test], float_scores, float_point),
        "int8": {
            **split_metrics(dataset.labels, on_test.true, on_test.scores, point),
            "parity": compare(float_scores, on_test.scores),
        },
    }
    return Delivery(model, data, provenance, metrics, on_validation, on_test)
