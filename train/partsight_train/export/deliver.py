"""From a learned model to the file that is delivered, and the figures of both.

Enters: what was learned and what it was learned from. Leaves: a ``Delivery``, nothing of
which is written yet. Called once by ``train``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partsight.decision.operating_point import OperatingPoint
from partsight.model.contract import Contract
from partsight_train.data.dataset import Split
from partsight_train.data.prepare import Prepared
from partsight_train.export.assemble import assemble
from partsight_train.export.gate import Limits, breaches
from partsight_train.export.reference import reference_document, warn_of_no_reference
from partsight_train.export.steps import warn_of_few_steps
from partsight_train.export.variant import ReferenceModel, Variant, make_variant
from partsight_train.fit.learn import TrainedModel
from partsight_train.fit.measure import split_metrics
from partsight_train.fit.operating_point import (
    operating_point,
    warn_of_false_rejects,
    warn_of_low_contrast,
)
from partsight_train.settings import TrainSettings

__all__ = ["Delivery", "deliver"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A model file, the model that it was made from, and what both are worth.

    Attributes:
        model: the float model, a ``keras.Model``.
        file: the int8 file.
        metrics: the document of ``metrics.json``, without the folds.
    """

    model: Any
    file: Variant
    metrics: Mapping[str, Any]


def deliver(
    trained_model: TrainedModel,
    prepared: Prepared,
    settings: TrainSettings,
    config: Mapping[str, Any],
) -> Delivery:
    """Convert, choose the operating point, measure.

    Args:
        trained_model: the float model.
        prepared: what it was learned from.
        settings: of calibration and of the operating point.
        config: what the run was made from; goes into the contract.
    """
    dataset, backbone = prepared.training_data.dataset, trained_model.backbone
    model = assemble(backbone, trained_model.head, settings.output_name)
    rows = {part: prepared.rows(part) for part in Split}
    scores = {part: trained_model.scores(rows[part]) for part in (Split.VALIDATION, Split.TEST)}
    draft = Contract(
        dataset.labels,
        backbone.spec,
        OperatingPoint(prepared.accept_labels),
        {**config, "temperature": trained_model.temperature},
        tiles=backbone.tiles,
        product=settings.card.product,
    )
    reference_model = ReferenceModel(
        lambda image: model(image, training=False),
        draft,
        settings,
        {part: dataset.of(part) for part in Split},
        scores,
    )
    file = make_variant(reference_model, "int8")
    for breach in breaches(file.parity, Limits()):
        logger.warning(
            "the int8 file is not the float model: %s; 'partsight export RUN_DIR --quantize int8' "
            "tries what may mend it",
            breach,
        )
    warn_of_false_rejects(file.contract.operating_point)
    warn_of_low_contrast(file.contract.operating_point, settings)
    warn_of_few_steps("int8", reference_model, file)
    not_learned_from = (file.on_validation, file.on_test)
    warn_of_no_reference(not_learned_from, file.contract, settings)

    truth = trained_model.examples.labels
    float_point = operating_point(
        dataset.labels,
        prepared.accept_labels,
        settings,
        truth[rows[Split.VALIDATION]],
        scores[Split.VALIDATION],
    )
    of_file = split_metrics(
        dataset.labels,
        file.on_test.true,
        file.on_test.scores,
        file.contract.operating_point,
        file.on_test.contrasts,
    )
    metrics = {
        **split_metrics(dataset.labels, truth[rows[Split.TEST]], scores[Split.TEST], float_point),
        "int8": {
            **of_file,
            "parity": file.parity,
            "drift_reference": reference_document(not_learned_from, file.contract, settings),
        },
    }
    return Delivery(model, file, metrics)
