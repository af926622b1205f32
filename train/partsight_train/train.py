"""Training from labelled folders to a delivered run folder: the main job, in order.

Enters: a folder of labelled pictures and settings. Leaves: ``RUN_DIR`` with its files,
the ``.tflite`` last. Called by ``partsight train`` and ``partsight demo``.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight.errors import ModelError
from partsight.inference.interpreter import load_runtime
from partsight.inference.runtimes import choose_runtime
from partsight.utils.progress import silent
from partsight_train.data.dataset import Split
from partsight_train.data.prepare import Prepared, prepare
from partsight_train.data.training_data import Stages
from partsight_train.data_check import Finding, Severity, check
from partsight_train.export.deliver import Delivery, deliver
from partsight_train.fit.cross_validation import cross_validate
from partsight_train.fit.distribution import open_strategy
from partsight_train.fit.learn import TrainedModel, learn
from partsight_train.fit.measure import Mistake, mistakes
from partsight_train.network.activation_map import map_of_file
from partsight_train.network.tiles import mean_tiles
from partsight_train.report import RunRecord, report_html
from partsight_train.run.provenance import command_line, provenance, require_same
from partsight_train.run.run_dir import CONFIG, DELIVERY, REPORT, RunDir
from partsight_train.settings import TrainSettings
from partsight_train.stopwatch import Stopwatch
from partsight_train.tensorboard.summaries import write_results

__all__ = ["Outcome", "train"]


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run delivered.

    Attributes:
        metrics: the document of ``metrics.json``.
        model: the delivered file.
        report: for people.
        failed: path and reason of each picture that could not be read.
        pictures: how many there were, with those.
        mistakes: of the delivered file, on the test split.
    """

    metrics: Mapping[str, Any]
    model: Path
    report: Path
    failed: Mapping[Path, str]
    pictures: int
    mistakes: tuple[Mistake, ...]


def train(
    image_dir: Path,
    run_dir: Path,
    settings: TrainSettings,
    stages: Stages = lambda stage: silent,
    *,
    resume: bool = False,
    summaries_dir: Path | None = None,
) -> Outcome:
    """Train, export and measure.

    Args:
        image_dir: a sub-folder a label.
        run_dir: a new or empty folder; gets everything.
        settings: see ``TrainSettings``.
        stages: gives each stage, by its name, the progress that is told of its steps.
        resume: go on with a run that was killed; its settings must be the same.
        summaries_dir: where TensorBoard reads; None is ``run_dir/logs``.

    Raises:
        DatasetError: the folder cannot be trained on.
        ModelError: the backbone cannot be used, or the file is not accurate enough.
        OutputError: ``run_dir`` holds something, or cannot be written.
        EnvironmentFault: no TFLite runtime that works beside TensorFlow.
    """
    load_runtime(choose_runtime())  # the file is measured at the end; learn now if it cannot be
    strategy = open_strategy(settings.fine_tune)
    run = RunDir.create(run_dir, resume=resume)
    watch = Stopwatch()
    prepared = prepare(image_dir, settings, stages)
    training_data = prepared.training_data
    findings = _checked(prepared, settings, stages)
    config = _begin(run, image_dir, prepared, settings)
    watch.lap("pictures and features")
    folds: dict[str, Any] = {}
    if settings.cross_validate:
        measured = cross_validate(
            training_data, settings, settings.cross_validate, strategy, stages
        )
        folds = {"cross_validation": measured}
        watch.lap("cross-validation")
    trained_model = learn(
        training_data,
        prepared.rows(Split.TRAIN),
        prepared.rows(Split.VALIDATION),
        settings,
        strategy,
        log_dir=summaries_dir or run.logs,
        checkpoint_dir=run.checkpoints,
        stages=stages,
    )
    watch.lap("learning")
    delivery = deliver(trained_model, prepared, settings, config)
    _require_accuracy(delivery.metrics["int8"]["test_accuracy"], settings)
    write_results(summaries_dir or run.logs, trained_model, delivery, settings)
    watch.lap("export and measurement")
    metrics = {**delivery.metrics, **folds, "dataset": prepared.document()}
    _write(run, prepared, delivery, trained_model, findings, metrics, watch.seconds)
    labels = training_data.dataset.labels
    return Outcome(
        metrics,
        run.path / DELIVERY,
        run.path / REPORT,
        prepared.failed,
        len(prepared.failed) + len(training_data.dataset.pictures),
        tuple(mistakes(labels, delivery.file.on_test)),
    )


def _checked(prepared: Prepared, settings: TrainSettings, stages: Stages) -> tuple[Finding, ...]:
    """Say what may be wrong with the pictures, and go on; ``prepare`` named the unreadable."""
    training_data = prepared.training_data
    for note in prepared.notes:
        logger.warning("%s", note)
    examples = mean_tiles(training_data.examples, training_data.backbone.tiles)
    findings = check(
        training_data.dataset,
        prepared.digests,
        {},
        examples,
        stages("check of the pictures"),
        bit_depth=training_data.backbone.spec.bit_depth,
        accept_labels=prepared.accept_labels,
        min_contrast=settings.min_contrast,
    )
    for finding in findings:
        if finding.severity is not Severity.NOTE:
            logger.warning("%s", finding.message)
    return findings


def _begin(
    run: RunDir, image_dir: Path, prepared: Prepared, settings: TrainSettings
) -> dict[str, Any]:
    """Write down what the run is made from, or see that it is what it was begun with."""
    training_data = prepared.training_data
    config = provenance(
        image_dir, training_data.dataset, prepared.digests, training_data.backbone, settings
    )
    begun = run.begun()
    if begun is not None:
        require_same(begun, config)
    run.write_json(CONFIG, config)
    return config


def _write(
    run: RunDir,
    prepared: Prepared,
    delivery: Delivery,
    trained_model: TrainedModel,
    findings: Sequence[Finding],
    metrics: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> None:
    """Write everything, the delivered file last: where it is, the run is whole."""
    spec, file = trained_model.backbone.spec, delivery.file
    record = RunRecord(
        metrics,
        file.contract.provenance,
        file.on_validation,
        file.on_test,
        sizes={DELIVERY: len(file.data)},
        splits=trained_model.dataset.counts(),
        parts=trained_model.dataset.part_counts(),
        places={each.path: each.place for each in trained_model.dataset.pictures},
        notes=prepared.notes,
        findings=[finding.message for finding in findings],
        history=trained_model.history,
        seconds=seconds,
        maps=map_of_file(delivery.model, spec, trained_model.backbone.tiles),
        spec=spec,
        model_sha256=hashlib.sha256(file.data).hexdigest(),
        command_line=command_line(),
    )
    run.write_saved_model(delivery.model)
    run.write_text("labels.txt", "".join(f"{label}\n" for label in record.labels))
    run.write_json("metrics.json", metrics)
    run.write_text(REPORT, report_html(record))
    run.write_pictures(trained_model.dataset, prepared.digests)
    run.deliver(DELIVERY, file.data)
    run.forget_checkpoints()


def _require_accuracy(accuracy: float, settings: TrainSettings) -> None:
    least = settings.assert_accuracy_at_least
    if least is not None and accuracy < least:
        raise ModelError(
            f"the int8 file is right on {accuracy:.2%} of the test pictures, expected at least "
            f"{least:.2%}. Nothing was delivered; add pictures, or fine-tune."
        )
