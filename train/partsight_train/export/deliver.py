"""The delivered file of a trained model, and the metrics of file and float model.

Nothing is written here. Called once by ``train``.
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
from partsight_train.export.drift_reference import reference_document, warn_of_no_reference
from partsight_train.export.gate import Limits, breaches
from partsight_train.export.score_steps import warn_of_few_steps
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
    """A model file, its float model, and the metrics of both.

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
    """Convert the model to int8, choose the operating point and measure.

    Args:
        trained_model: the float model.
        prepared: the data that it was trained on.
        settings: how to calibrate and to choose the operating point.
        config: provenance of the run, stored in the contract.
    """
    model = assemble(trained_model.backbone, trained_model.head, settings.output_name)
    reference_model = _reference_model(model, trained_model, prepared, settings, config)
    file = make_variant(reference_model, "int8")
    _warn(reference_model, file)
    return Delivery(model, file, _metrics(trained_model, prepared, reference_model, file))


def _reference_model(
    model: Any,
    trained_model: TrainedModel,
    prepared: Prepared,
    settings: TrainSettings,
    config: Mapping[str, Any],
) -> ReferenceModel:
    dataset, backbone = prepared.training_data.dataset, trained_model.backbone
    draft = Contract(
        dataset.labels,
        backbone.spec,
        OperatingPoint(prepared.accept_labels),
        {**config, "temperature": trained_model.temperature},
        tiles=backbone.tiles,
        product=settings.card.product,
    )
    return ReferenceModel(
        lambda image: model(image, training=False),
        draft,
        settings,
        {split: dataset.of(split) for split in Split},
        {
            split: trained_model.scores(prepared.rows(split))
            for split in (Split.VALIDATION, Split.TEST)
        },
    )


def _warn(reference_model: ReferenceModel, file: Variant) -> None:
    """Log what may be wrong with the int8 file."""
    for breach in breaches(file.parity, Limits()):
        logger.warning(
            "the int8 file differs from the float model: %s. Try partsight export RUN_DIR "
            "--quantize int16x8 or float16, or another backbone",
            breach,
        )
    warn_of_false_rejects(file.contract.operating_point)
    warn_of_low_contrast(file.contract.operating_point, reference_model.settings)
    warn_of_few_steps("int8", reference_model, file)
    warn_of_no_reference(file.held_out, file.contract, reference_model.settings)


def _metrics(
    trained_model: TrainedModel,
    prepared: Prepared,
    reference_model: ReferenceModel,
    file: Variant,
) -> dict[str, Any]:
    """The document of ``metrics.json``: the float model, and the file under ``int8``."""
    labels, settings = reference_model.draft.labels, reference_model.settings
    true = {split: trained_model.examples.labels[prepared.rows(split)] for split in Split}
    float_point = operating_point(
        labels,
        prepared.accept_labels,
        settings,
        true[Split.VALIDATION],
        reference_model.scores[Split.VALIDATION],
    )
    of_float = split_metrics(
        labels, true[Split.TEST], reference_model.scores[Split.TEST], float_point
    )
    of_file = split_metrics(
        labels,
        file.on_test.true,
        file.on_test.scores,
        file.contract.operating_point,
        file.on_test.contrasts,
    )
    reference = reference_document(file.held_out, file.contract, settings)
    return {**of_float, "int8": {**of_file, "parity": file.parity, "drift_reference": reference}}
