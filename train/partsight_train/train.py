"""Training from labelled folders to a delivered run folder: the main job, in order.

Enters: a folder of labelled pictures and settings. Leaves: ``RUN_DIR`` with its files,
the ``.tflite`` last. Called by ``partsight train`` and ``partsight demo``.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import logging
import random
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.contract import Contract
from partsight.decide import OperatingPoint, default_accept_labels
from partsight.errors import DatasetError, ModelError
from partsight.interpreter import load_runtime
from partsight.model_file import attach_contract
from partsight.pictures import read_pictures
from partsight.preprocess import preprocess
from partsight.progress import silent
from partsight.runtimes import choose_runtime
from partsight_train.activation_map import map_of_file
from partsight_train.backbone import Backbone, open_backbone
from partsight_train.cache import open_cache
from partsight_train.cache_dir import cache_dir
from partsight_train.cross_validation import cross_validate
from partsight_train.dataset import Dataset, LabelledPicture, Split, scan, split
from partsight_train.distribution import open_strategy
from partsight_train.export import assemble, convert_int8
from partsight_train.features import Features, compute_features
from partsight_train.learn import Stages, gather, learn
from partsight_train.measure import (
    Mistake,
    mistakes,
    operating_point,
    score_file,
    split_metrics,
)
from partsight_train.parity import compare
from partsight_train.report import RunRecord, report_html
from partsight_train.run_dir import RunDir
from partsight_train.settings import TrainSettings

__all__ = ["Outcome", "train"]

logger = logging.getLogger(__name__)

_MANY_FALSE_REJECTS = 0.5


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
    summaries_dir: Path | None = None,
) -> Outcome:
    """Train, export and measure.

    Args:
        image_dir: a sub-folder a label.
        run_dir: a new or empty folder; gets everything.
        settings: see ``TrainSettings``.
        stages: gives each stage, by its name, the progress that is told of its steps.
        summaries_dir: where TensorBoard reads; None is ``run_dir/logs``.

    Raises:
        DatasetError: the folder cannot be trained on.
        ModelError: the backbone cannot be used, or the file is not accurate enough.
        OutputError: ``run_dir`` holds something, or cannot be written.
        EnvironmentFault: no TFLite runtime that works beside TensorFlow.
    """
    load_runtime(choose_runtime())  # the file is measured at the end; learn now if it cannot be
    strategy = open_strategy(settings.fine_tune)
    found = scan(image_dir)
    accept_labels = _accept_labels(tuple(found), settings)
    run = RunDir.create(run_dir)
    backbone = open_backbone(settings.backbone, settings.image_size)
    with open_cache(
        cache_dir() / "features", backbone.sha256, backbone.spec, backbone.feature_size
    ) as cache:
        paths = [path for label in found for path in found[label]]
        features = compute_features(paths, backbone, cache, stages("features"))
        dataset = _split(found, features, settings)
        bad = tuple(i for i, label in enumerate(dataset.labels) if label not in accept_labels)
        material = gather(dataset, backbone, features.vectors, bad, settings, cache, stages=stages)

    rows = {part: dataset.rows(part) for part in Split}
    folds: dict[str, Any] = {}
    if settings.cross_validate:
        measured = cross_validate(material, settings, settings.cross_validate, strategy, stages)
        folds = {"cross_validation": measured}
    learned = learn(
        material,
        rows[Split.TRAIN],
        rows[Split.VALIDATION],
        settings,
        strategy,
        log_dir=summaries_dir or run.logs,
        checkpoint_dir=run.checkpoints,
        stages=stages,
    )
    model = assemble(learned.backbone, learned.head)
    splits = {part: dataset.of(part) for part in Split}
    flatbuffer = convert_int8(model, _calibration(splits[Split.TRAIN], backbone, settings))

    # The thresholds are chosen on the scores of the very file that will judge: int8 scores
    # have 256 steps, and a threshold of the float model may fall between them.
    choose = functools.partial(
        operating_point, dataset.labels, accept_labels, settings.target_recall
    )
    provenance = _provenance(settings, backbone, splits, learned.temperature)
    draft = Contract(dataset.labels, backbone.spec, OperatingPoint(accept_labels), provenance)
    on_validation = score_file(attach_contract(flatbuffer, draft), splits[Split.VALIDATION])
    point = choose(on_validation.true, on_validation.scores)
    _warn_of_false_rejects(point)
    data = attach_contract(flatbuffer, dataclasses.replace(draft, operating_point=point))
    on_test = score_file(data, splits[Split.TEST])

    validation, test = rows[Split.VALIDATION], rows[Split.TEST]
    truth = material.examples.labels
    float_scores = learned.scores(test)
    float_point = choose(truth[validation], learned.scores(validation))
    metrics = {
        **split_metrics(dataset.labels, truth[test], float_scores, float_point),
        "int8": {
            **split_metrics(dataset.labels, on_test.true, on_test.scores, point),
            "parity": compare(float_scores, on_test.scores),
        },
        **folds,
    }
    _require_accuracy(metrics["int8"]["test_accuracy"], settings)
    run.write_saved_model(model)
    run.write_text("labels.txt", "".join(f"{label}\n" for label in dataset.labels))
    run.write_json("config.json", {"image_dir": str(image_dir), **provenance})
    run.write_json("metrics.json", metrics)
    record = RunRecord(
        metrics,
        provenance,
        on_validation,
        on_test,
        sizes={"model-int8.tflite": len(data)},
        splits=dataset.counts(),
        history=learned.history,
        maps=map_of_file(model, backbone.spec),
        image_hw=(backbone.spec.height, backbone.spec.width),
        model_sha256=hashlib.sha256(data).hexdigest(),
        command_line=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    )
    report = run.write_text("report.html", report_html(record))
    path = run.write_bytes("model-int8.tflite", data)
    return Outcome(
        metrics,
        path,
        report,
        features.failed,
        len(features.failed) + len(dataset.pictures),
        tuple(mistakes(dataset.labels, on_test)),
    )


def _split(
    found: Mapping[str, Sequence[Path]], features: Features, settings: TrainSettings
) -> Dataset:
    """Divide the pictures that could be read; name the others."""
    for path, reason in features.failed.items():
        logger.warning("%s: %s", path, reason)
    return split(
        {label: [path for path in found[label] if path in features.vectors] for label in found},
        validation_share=settings.validation_share,
        test_share=settings.test_share,
    )


def _accept_labels(labels: tuple[str, ...], settings: TrainSettings) -> tuple[str, ...]:
    unknown = sorted(set(settings.accept_labels) - set(labels))
    if unknown:
        raise DatasetError(
            f"cannot accept {', '.join(unknown)}: no such label. Expected some of: "
            f"{', '.join(labels)}."
        )
    chosen = settings.accept_labels or default_accept_labels(labels)
    if not chosen:
        logger.warning(
            "no label is known to mean a good part, so every verdict will be review; "
            "name it with --accept-label. Labels: %s",
            ", ".join(labels),
        )
    return chosen


def _calibration(
    pictures: tuple[LabelledPicture, ...], backbone: Backbone, settings: TrainSettings
) -> list[NDArray[np.uint8]]:
    chosen = random.Random(settings.head.seed).sample(
        [picture.path for picture in pictures], min(settings.calibration, len(pictures))
    )
    decoded = (picture for _, picture in read_pictures(chosen, backbone.spec))
    return [preprocess(p, backbone.spec) for p in decoded if isinstance(p, np.ndarray)]


def _require_accuracy(accuracy: float, settings: TrainSettings) -> None:
    least = settings.assert_accuracy_at_least
    if least is not None and accuracy < least:
        raise ModelError(
            f"the int8 file is right on {accuracy:.2%} of the test pictures, expected at least "
            f"{least:.2%}. Nothing was delivered; add pictures, or fine-tune."
        )


def _warn_of_false_rejects(point: OperatingPoint) -> None:
    if point.false_reject_rate is not None and point.false_reject_rate > _MANY_FALSE_REJECTS:
        logger.warning(
            "to keep %.1f%% of the bad parts from acceptance, %.0f%% of the good parts are not "
            "accepted either; add pictures of what is mistaken, or lower --target-recall",
            100 * (point.target_recall or 0),
            100 * point.false_reject_rate,
        )


def _provenance(
    settings: TrainSettings,
    backbone: Backbone,
    splits: Mapping[Split, tuple[LabelledPicture, ...]],
    temperature: float,
) -> dict[str, Any]:
    return {
        "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": {
            name: importlib.metadata.version(name) for name in ("partsight", "tensorflow")
        },
        "backbone_sha256": backbone.sha256,
        "pictures": {split.value: len(pictures) for split, pictures in splits.items()},
        "temperature": temperature,
        "settings": dataclasses.asdict(settings),
    }
