"""What an actor does: parts of names in, a Parquet file and a report each out.

Runs in a process of its own on any machine of the cluster; ``engine`` says on how many.
"""

from __future__ import annotations

import collections
import functools
import importlib
import json
import logging
import os
from dataclasses import dataclass
from typing import Any

from partsight.batch.classify_files import judged
from partsight.batch.ray_engine.output_folder import OutputFolder
from partsight.batch.ray_engine.plan import taken_of
from partsight.batch.rows import outcome, shortened
from partsight.decision.decide import OperatingPoint
from partsight.errors import ModelError
from partsight.inference.classifier import Classifier
from partsight.inference.runtimes import RUNTIME_VARIABLE
from partsight.model.file import load_model_file
from partsight.model.third_party import ModelOverrides
from partsight.qualification.golden import require_same_scores_once
from partsight.records import ImageResult
from partsight.results.parquet import arrow_table
from partsight.utils.parallel_map import parallel_map

__all__ = ["Attempts", "Task", "Worker"]

logger = logging.getLogger(__name__)

# Pictures are fetched from a store while others are judged.
_READERS = 4
# Machines come and go; but a picture that ends its process must not do so for ever.
_MAX_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is to know, beside the model and the inputs.

    Attributes:
        output: where rows go.
        filesystems: that inputs lie in, by number.
        point: what verdicts are given by.
        overrides: what a model of another tool does not say of itself.
        runtime: the name of the TFLite runtime, so that all machines judge alike.
        details: whether rows tell the size, time and digest of each picture.
        only: rows of these outcomes.
        top_k: the scores of so many labels; None is all.
    """

    output: OutputFolder
    filesystems: list[Any]
    point: OperatingPoint
    overrides: ModelOverrides | None
    runtime: str
    details: bool
    only: tuple[str, ...]
    top_k: int | None


class Attempts:
    """An actor beside the driver, which counts how often each part was begun."""

    def __init__(self) -> None:
        self._begun: collections.Counter[int] = collections.Counter()

    def begin(self, part: int) -> int:
        """Count once more."""
        self._begun[part] += 1
        return self._begun[part]


class Worker:
    """Judges parts, one after the other, on one core.

    Args:
        model: a reference to the bytes of a model that the driver trusts. Its golden samples are
            replayed here all the same: this machine may compute otherwise than the driver's.
        attempts: a handle of ``Attempts``.
        task: what is to be done with each.
    """

    def __init__(self, model: Any, attempts: Any, task: Task) -> None:
        self._ray = importlib.import_module("ray")
        os.environ[RUNTIME_VARIABLE] = task.runtime
        data = self._ray.get(model)
        self._classifier = Classifier.open(data, overrides=task.overrides)
        self._refusal: ModelError | None = None
        try:
            require_same_scores_once(load_model_file(data, task.overrides), self._classifier)
        except ModelError as error:
            # Raised here, Ray would start the actor again for ever: each report says it.
            self._refusal = error
        self._attempts, self._task = attempts, task

    def __call__(self, parts: dict[str, Any]) -> dict[str, list[str]]:
        """Judge some parts; one report each, as JSON. It raises nothing that a retry cures not."""
        columns = zip(parts["number"], parts["file"], parts["inputs"], strict=True)
        return {"report": [json.dumps(self._report(int(n), *texts)) for n, *texts in columns]}

    def _report(self, number: int, file: str, inputs: str) -> dict[str, Any]:
        try:
            if self._refusal is not None:
                raise self._refusal
            done = self._task.output.report_of(file)
            if done is not None:
                return {**done, "classified_now": False}
            attempt = self._ray.get(self._attempts.begin.remote(number))
            if attempt > _MAX_ATTEMPTS:
                raise RuntimeError(f"{_MAX_ATTEMPTS} workers ended at it")
            return {**self._judge(file, json.loads(inputs)), "classified_now": True}
        except Exception as error:
            # Ray would try again for ever, and say nothing.
            logger.exception("part %s", number)
            return {"failed": f"{type(error).__name__}: {error}", "first": json.loads(inputs)[0][0]}

    def _judge(self, file: str, inputs: list[Any]) -> dict[str, Any]:
        task, rows, errors = self._task, [], []
        outcomes: collections.Counter[str] = collections.Counter()
        labels: collections.Counter[str] = collections.Counter()
        take = functools.partial(taken_of, filesystems=task.filesystems)
        for _, taken in parallel_map(take, inputs, _READERS):
            result = judged(taken, self._classifier, task.point, details=task.details)
            row = _row(result, task.details)
            outcomes["failed" if result.error is not None else row["verdict"]] += 1
            if result.error is not None:
                errors.append((result.path, result.error))
            if row["label"] is not None:
                labels[row["label"]] += 1
            if outcome(row) in task.only:
                rows.append(shortened(row, task.top_k))
        report = {"outcomes": outcomes, "labels": labels, "errors": errors}
        columns = _row(ImageResult("", ""), task.details)
        task.output.write_part(file, arrow_table(columns, rows), report)
        return report


def _row(result: ImageResult, details: bool) -> dict[str, Any]:
    return result.row() | (result.details() if details else {})
