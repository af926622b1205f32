"""The actor that classifies chunks: one Parquet file and one report per chunk.

It runs in a process of its own on any machine of the cluster.
"""

from __future__ import annotations

import collections
import functools
import importlib
import json
import logging
from dataclasses import dataclass
from typing import Any

from partsight.batch.classify_files import classify_input
from partsight.batch.ray_engine.output_folder import OutputFolder
from partsight.batch.ray_engine.plan import read_entry
from partsight.batch.rows import outcome, result_columns, result_row, shortened
from partsight.decision.operating_point import OperatingPoint
from partsight.errors import ModelError
from partsight.inference.classifier import Classifier
from partsight.inference.runtimes import RuntimeOptions
from partsight.model.file import load_model_file
from partsight.model.third_party import ModelOverrides
from partsight.qualification.golden import require_same_scores_once
from partsight.results.parquet import arrow_table
from partsight.utils.parallel_map import parallel_map

__all__ = ["Attempts", "Task", "Worker"]

logger = logging.getLogger(__name__)

# Threads that read images from a store while others are classified.
_READERS = 4
# A chunk may be repeated because machines come and go, but not without limit: one of its images
# may crash the process.
_MAX_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Task:
    """Settings of the workers.

    Attributes:
        output: folder of the rows.
        filesystems: of the inputs, by number.
        point: operating point of the verdicts.
        overrides: facts that a third-party model does not contain.
        runtime: name of the TFLite runtime, so that all machines give the same scores.
        details: whether rows contain the size, time and digest of each file.
        only: the outcomes whose rows are written.
        top_k: number of highest scores in each row; None means all.
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
    """An actor on the driver's machine that counts the attempts at each chunk."""

    def __init__(self) -> None:
        self._attempts: collections.Counter[int] = collections.Counter()

    def begin(self, chunk: int) -> int:
        """Count an attempt and return the number of attempts so far."""
        self._attempts[chunk] += 1
        return self._attempts[chunk]


class Worker:
    """Classifies chunks, one after the other, on one core.

    Args:
        model: reference to the bytes of a model that the driver trusts. Its golden samples are
            replayed here as well, because this machine may compute other scores.
        attempts: handle of an ``Attempts`` actor.
        task: settings.
    """

    def __init__(self, model: Any, attempts: Any, task: Task) -> None:
        self._ray = importlib.import_module("ray")
        data = self._ray.get(model)
        self._classifier = Classifier.open(
            data, RuntimeOptions(task.runtime), overrides=task.overrides
        )
        self._refusal: ModelError | None = None
        try:
            require_same_scores_once(load_model_file(data, task.overrides), self._classifier)
        except ModelError as error:
            # Not raised, because Ray would restart the actor again and again: reports contain it.
            self._refusal = error
        self._attempts, self._task = attempts, task

    def __call__(self, chunks: dict[str, Any]) -> dict[str, list[str]]:
        """Classify chunks and return one report for each, as JSON.

        Errors that a retry would not fix are in the report, not raised.
        """
        columns = zip(chunks["number"], chunks["file"], chunks["inputs"], strict=True)
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
                raise RuntimeError(f"{_MAX_ATTEMPTS} workers crashed on this chunk")
            return {**self._classify(file, json.loads(inputs)), "classified_now": True}
        except Exception as error:
            # Ray would retry without limit and without a message.
            logger.exception("chunk %s", number)
            return {"failed": f"{type(error).__name__}: {error}", "first": json.loads(inputs)[0][0]}

    def _classify(self, file: str, entries: list[Any]) -> dict[str, Any]:
        task, rows, errors = self._task, [], []
        outcomes: collections.Counter[str] = collections.Counter()
        labels: collections.Counter[str] = collections.Counter()
        read = functools.partial(read_entry, filesystems=task.filesystems)
        for _, item in parallel_map(read, entries, _READERS):
            result = classify_input(item, self._classifier, task.point, details=task.details)
            row = result_row(result, details=task.details)
            outcomes["failed" if result.error is not None else row["verdict"]] += 1
            if result.error is not None:
                errors.append((result.path, result.error))
            if row["label"] is not None:
                labels[row["label"]] += 1
            if outcome(row) in task.only:
                rows.append(shortened(row, task.top_k))
        report = {"outcomes": outcomes, "labels": labels, "errors": errors}
        columns = result_columns(details=task.details)
        task.output.write_chunk(file, arrow_table(columns, rows), report)
        return report
