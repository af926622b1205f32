"""A training run: from a folder of labelled images and settings to a run folder.

The ``.tflite`` file is written last. Called by ``partsight train`` and ``partsight demo``.
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
from partsight.utils.counts import counted
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
    """The result of a run.

    Attributes:
        metrics: the document of ``metrics.json``.
        model: the delivered ``.tflite`` file.
        report: the HTML report.
        failed: path and reason of each image that could not be read.
        images: number of all images, including those that could not be read.
        mistakes: test images that the delivered file misclassifies.
    """

    metrics: Mapping[str, Any]
    model: Path
    report: Path
    failed: Mapping[Path, str]
    images: int
    mistakes: tuple[Mistake, ...]


def train(
    image_dir: Path,
    run_dir: Path,
    settings: TrainSettings,
    stages: Stages = lambda stage: silent,
    *,
    resume: bool = False,
    summaries_dir: Path | None = None,
    cache: Path | None = None,
) -> Outcome:
    """Train a model, export it as an int8 file, measure both, and write the run folder.

    Args:
        image_dir: folder with one sub-folder per label.
        run_dir: new or empty folder for all results.
        settings: see ``TrainSettings``.
        stages: returns the progress for a stage, by its name.
        resume: continue an interrupted run, which must have the same settings.
        summaries_dir: folder for TensorBoard; None is ``run_dir/logs``.
        cache: folder of the cache; None is the default, see ``cache_dir``.

    Raises:
        DatasetError: the folder cannot be trained on.
        ModelError: the backbone cannot be used, or the file is not accurate enough.
        OutputError: ``run_dir`` is not empty, or cannot be written.
        EnvironmentFault: no TFLite runtime works in the same process as TensorFlow.
    """
    load_runtime(choose_runtime())  # the last stage needs a runtime: fail at once without one
    strategy = open_strategy(settings.fine_tune)
    with RunDir.create(run_dir, resume=resume) as run:
        return _train(run, image_dir, settings, stages, strategy, summaries_dir or run.logs, cache)


def _train(
    run: RunDir,
    image_dir: Path,
    settings: TrainSettings,
    stages: Stages,
    strategy: Any,
    log_dir: Path,
    cache: Path | None,
) -> Outcome:
    watch = Stopwatch()
    prepared = prepare(image_dir, settings, stages, cache)
    findings = _check(prepared, settings, stages, cache)
    config = _begin(run, image_dir, prepared, settings)
    watch.lap("images and features")
    folds = _cross_validation(prepared, settings, strategy, stages)
    if folds:
        watch.lap("cross-validation")
    trained_model = learn(
        prepared.training_data,
        prepared.rows(Split.TRAIN),
        prepared.rows(Split.VALIDATION),
        settings,
        strategy,
        log_dir=log_dir,
        checkpoint_dir=run.checkpoints,
        stages=stages,
    )
    watch.lap("training")
    delivery = deliver(trained_model, prepared, settings, config)
    _require_accuracy(delivery.metrics["int8"], settings)
    write_results(log_dir, trained_model, delivery, settings)
    watch.lap("export and measurement")
    metrics = {**delivery.metrics, **folds, "dataset": prepared.document()}
    record = _record(prepared, delivery, trained_model, findings, metrics, watch.seconds)
    _write(run, prepared, delivery, record)
    return _outcome(run, prepared, delivery, metrics)


def _check(
    prepared: Prepared, settings: TrainSettings, stages: Stages, cache: Path | None
) -> tuple[Finding, ...]:
    """Log problems of the images as warnings; ``prepare`` has named unreadable ones."""
    training_data = prepared.training_data
    for note in prepared.notes:
        logger.warning("%s", note)
    examples = mean_tiles(training_data.examples, training_data.backbone.tiles)
    findings = check(
        training_data.dataset,
        prepared.digests,
        {},
        examples,
        stages("check of the images"),
        bit_depth=training_data.backbone.spec.bit_depth,
        cache=cache,
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
    """Write ``config.json``; a resumed run must have the same inputs and settings."""
    training_data = prepared.training_data
    config = provenance(
        image_dir, training_data.dataset, prepared.digests, training_data.backbone, settings
    )
    begun = run.begun()
    if begun is not None:
        require_same(begun, config)
    run.write_json(CONFIG, config)
    return config


def _cross_validation(
    prepared: Prepared, settings: TrainSettings, strategy: Any, stages: Stages
) -> dict[str, Any]:
    """The entry of ``metrics.json``; empty without ``settings.cross_validate``."""
    if settings.cross_validate is None:
        return {}
    data, folds = prepared.training_data, settings.cross_validate
    return {"cross_validation": cross_validate(data, settings, folds, strategy, stages)}


def _outcome(
    run: RunDir, prepared: Prepared, delivery: Delivery, metrics: Mapping[str, Any]
) -> Outcome:
    dataset = prepared.training_data.dataset
    return Outcome(
        metrics,
        run.path / DELIVERY,
        run.path / REPORT,
        prepared.failed,
        len(prepared.failed) + len(dataset.images),
        tuple(mistakes(dataset.labels, delivery.file.on_test)),
    )


def _record(
    prepared: Prepared,
    delivery: Delivery,
    trained_model: TrainedModel,
    findings: Sequence[Finding],
    metrics: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> RunRecord:
    """Everything that the report shows."""
    spec, file = trained_model.backbone.spec, delivery.file
    return RunRecord(
        metrics,
        file.contract.provenance,
        file.on_validation,
        file.on_test,
        sizes={DELIVERY: len(file.data)},
        splits=trained_model.dataset.counts(),
        parts=trained_model.dataset.part_counts(),
        part_hashes={each.path: each.part_hash for each in trained_model.dataset.images},
        notes=prepared.notes,
        findings=[finding.message for finding in findings],
        history=trained_model.history,
        seconds=seconds,
        maps=map_of_file(delivery.model, spec, trained_model.backbone.tiles),
        spec=spec,
        model_sha256=hashlib.sha256(file.data).hexdigest(),
        command_line=command_line(),
    )


def _write(run: RunDir, prepared: Prepared, delivery: Delivery, record: RunRecord) -> None:
    """Write all files; the delivered file is last and marks a complete run."""
    run.write_saved_model(delivery.model)
    run.write_text("labels.txt", "".join(f"{label}\n" for label in record.labels))
    run.write_json("metrics.json", record.metrics)
    run.write_text(REPORT, report_html(record))
    run.write_images(prepared.training_data.dataset, prepared.digests)
    run.deliver(DELIVERY, delivery.file.data)
    run.remove_checkpoints()


def _require_accuracy(metrics: Mapping[str, Any], settings: TrainSettings) -> None:
    accuracy, least = metrics["test_accuracy"], settings.assert_accuracy_at_least
    if least is not None and accuracy < least:
        raise ModelError(
            f"the int8 file gives the right label to {accuracy:.2%} of "
            f"{counted(metrics['test_images'], 'test image')}, expected at least {least:.2%}. "
            "Nothing was delivered; add images, or use --fine-tune."
        )
