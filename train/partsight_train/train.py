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
from partsight.errors import DatasetError
from partsight.interpreter import load_runtime
from partsight.model_file import attach_contract
from partsight.pictures import read_pictures
from partsight.preprocess import preprocess
from partsight.progress import Progress, silent
from partsight.runtimes import choose_runtime
from partsight_train.activation_map import map_of_file
from partsight_train.backbone import Backbone, open_backbone
from partsight_train.cache import open_cache
from partsight_train.cache_dir import cache_dir
from partsight_train.dataset import LabelledPicture, Split, scan, split
from partsight_train.export import assemble, convert_int8
from partsight_train.features import Features, compute_features
from partsight_train.head import Examples, calibrate, fit_head, predict
from partsight_train.measure import operating_point, score_file, split_metrics
from partsight_train.parity import compare
from partsight_train.report import RunRecord, report_html
from partsight_train.run_dir import RunDir
from partsight_train.settings import TrainSettings

__all__ = ["Outcome", "train"]

logger = logging.getLogger(__name__)

_MANY_FALSE_REJECTS = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run delivered: its metrics as in ``metrics.json``, and pictures that failed."""

    metrics: Mapping[str, Any]
    model: Path
    report: Path
    failed: Mapping[Path, str]
    pictures: int


def train(
    image_dir: Path, run_dir: Path, settings: TrainSettings, progress: Progress = silent
) -> Outcome:
    """Train, export and measure.

    Args:
        image_dir: a sub-folder a label.
        run_dir: a new or empty folder; gets everything.
        settings: see ``TrainSettings``.
        progress: told of each picture whose features are computed.

    Raises:
        DatasetError: the folder cannot be trained on.
        ModelError: the backbone cannot be used.
        OutputError: ``run_dir`` holds something, or cannot be written.
        EnvironmentFault: no TFLite runtime that works beside TensorFlow.
    """
    load_runtime(choose_runtime())  # the file is measured at the end; learn now if it cannot be
    found = scan(image_dir)
    accept_labels = _accept_labels(tuple(found), settings)
    run = RunDir.create(run_dir)
    backbone = open_backbone(settings.backbone, settings.image_size)
    features = _features(found, backbone, progress)
    dataset = split(
        {label: [path for path in found[label] if path in features.vectors] for label in found},
        validation_share=settings.validation_share,
        test_share=settings.test_share,
    )
    splits = {part: dataset.of(part) for part in Split}
    examples = {part: _examples(splits[part], features) for part in Split}

    head = fit_head(
        examples[Split.TRAIN],
        examples[Split.VALIDATION],
        len(dataset.labels),
        settings.head,
        run.logs,
    )
    head, temperature = calibrate(head, examples[Split.VALIDATION])
    model = assemble(backbone, head)
    flatbuffer = convert_int8(model, _calibration(splits[Split.TRAIN], backbone, settings))

    # The thresholds are chosen on the scores of the very file that will judge: int8 scores
    # have 256 steps, and a threshold of the float model may fall between them.
    choose = functools.partial(
        operating_point, dataset.labels, accept_labels, settings.target_recall
    )
    provenance = _provenance(settings, backbone, splits, temperature)
    draft = Contract(dataset.labels, backbone.spec, OperatingPoint(accept_labels), provenance)
    on_validation = score_file(attach_contract(flatbuffer, draft), splits[Split.VALIDATION])
    point = choose(on_validation.true, on_validation.scores)
    _warn_of_false_rejects(point)
    data = attach_contract(flatbuffer, dataclasses.replace(draft, operating_point=point))
    on_test = score_file(data, splits[Split.TEST])

    validation, test = examples[Split.VALIDATION], examples[Split.TEST]
    float_scores = predict(head, test.features)
    float_point = choose(validation.labels, predict(head, validation.features))
    metrics = {
        **split_metrics(dataset.labels, test.labels, float_scores, float_point),
        "int8": {
            **split_metrics(dataset.labels, on_test.true, on_test.scores, point),
            "parity": compare(float_scores, on_test.scores),
        },
    }
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


def _features(
    found: Mapping[str, Sequence[Path]], backbone: Backbone, progress: Progress
) -> Features:
    folder = cache_dir() / "features"
    with open_cache(folder, backbone.sha256, backbone.spec, backbone.feature_size) as cache:
        paths = [path for label in found for path in found[label]]
        features = compute_features(paths, backbone, cache, progress)
    for path, reason in features.failed.items():
        logger.warning("%s: %s", path, reason)
    return features


def _examples(pictures: tuple[LabelledPicture, ...], features: Features) -> Examples:
    vectors = np.stack([features.vectors[picture.path] for picture in pictures])
    return Examples(vectors, np.array([picture.label for picture in pictures], np.intp))


def _calibration(
    pictures: tuple[LabelledPicture, ...], backbone: Backbone, settings: TrainSettings
) -> list[NDArray[np.uint8]]:
    chosen = random.Random(settings.head.seed).sample(
        [picture.path for picture in pictures], min(settings.calibration, len(pictures))
    )
    decoded = (picture for _, picture in read_pictures(chosen, backbone.spec))
    return [preprocess(p, backbone.spec) for p in decoded if isinstance(p, np.ndarray)]


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
