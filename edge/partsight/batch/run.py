"""A batch run: one row per input, resumable after a stop.

An ``Observer`` does more with each image than write a row, such as sort files or draw heat maps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from partsight.batch.classify_files import classify_inputs
from partsight.batch.rows import result_row
from partsight.batch.summary import Summary
from partsight.decision.operating_point import OperatingPoint
from partsight.errors import ImageError, OutputError
from partsight.image.undeclared_depth import UndeclaredBits
from partsight.image_files.read import no_image_files
from partsight.image_files.walk import LeftOut
from partsight.inputs.base import Input
from partsight.records import ImageResult
from partsight.results.base import Row
from partsight.utils.progress import Progress

if TYPE_CHECKING:
    from partsight.batch.spool import Spool
    from partsight.inference.classifier import Classifier

__all__ = ["BatchSettings", "Observer", "ClassifiedInput", "Run"]


@dataclass(frozen=True, slots=True)
class ClassifiedInput:
    """An input with its row.

    Attributes:
        item: the input.
        row: its columns.
        result: the source of the row; None if the row is from an earlier run that was stopped.
    """

    item: Input
    row: Row
    result: ImageResult | None = None


# Raises ``ImageError`` if it cannot process this image; the run continues.
Observer = Callable[[ClassifiedInput], object]


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Settings of a batch run.

    Attributes:
        classifier: the loaded model.
        point: operating point of the verdicts.
        details: whether rows contain the size, time and digest of each file.
        workers: number of threads; None means one per core.
    """

    classifier: Classifier
    point: OperatingPoint
    details: bool = False
    workers: int | None = None

    def document(self) -> dict[str, Any]:
        """The settings that decide the rows as JSON values; equal if a run can be resumed."""
        depth = self.classifier.contract.preprocess.bit_depth
        return {
            "model": self.classifier.model_sha256,
            "accept_labels": list(self.point.accept_labels),
            "accept_above": self.point.accept_above,
            "reject_below": self.point.reject_below,
            "min_contrast": self.point.min_contrast,
            "details": self.details,
            # Left out if there is none, so that runs of earlier versions can be resumed.
            **({} if depth is None else {"bit_depth": depth}),
        }

    def classify(self, inputs: Iterable[Input]) -> Iterator[ClassifiedInput]:
        """Classify the inputs, in their order."""
        results = classify_inputs(
            self.classifier,
            inputs,
            point=self.point,
            details=self.details,
            workers=self.workers,
        )
        for item, result in results:
            row = result_row(result, details=self.details)
            yield ClassifiedInput(item, row, result)


class Run:
    """One batch run.

    Args:
        settings: of the run.
        inputs: from ``open_inputs``.
        observers: called with each classified input before its row is yielded.
        on_error: called with the name of each failed input and the reason.
        left_out: files that ``open_inputs`` does not read.

    Attributes:
        summary: of all rows so far.
        left_out: as given.
        unobserved: number of failures of observers.
        undeclared: 16-bit files that were refused because the model declares no bit depth.
    """

    def __init__(
        self,
        settings: BatchSettings,
        inputs: Iterator[Input],
        observers: Sequence[Observer],
        on_error: Callable[[str, str], object],
        left_out: LeftOut,
    ) -> None:
        self.left_out = left_out
        self._settings, self._inputs = settings, inputs
        self._observers, self._on_error = observers, on_error
        self.summary, self.unobserved, self.undeclared = Summary(), 0, UndeclaredBits()

    def skip(self, spool: Spool) -> None:
        """Skip the inputs of a stopped run, whose rows are in the spool.

        Raises:
            OutputError: the inputs differ from those of that run.
        """
        for row in spool.rows():
            item = next(self._inputs, None)
            if item is None or item.name != row["path"]:
                raise OutputError(
                    "the inputs are not those of the run that was stopped: expected "
                    f"{row['path']!r}, received {repr(item.name) if item else 'no further input'}. "
                    "Give the same inputs, or remove the .partial file to start again."
                )
            self.summary.add(row, classified_now=False)
            self._observe(ClassifiedInput(item, row))

    def rows(self, progress: Progress, total: int | None) -> Iterator[Row]:
        """Classify the remaining inputs.

        Args:
            progress: display of the progress.
            total: number of all inputs, or None if unknown.

        Yields:
            One row per input.

        Raises:
            DatasetError: there are no inputs at all.
        """
        left = None if total is None else max(0, total - self.summary.total)
        outcomes = self._settings.classify(self._inputs)
        for outcome in progress(outcomes, left, show=self._rate):
            if outcome.row["error"] is not None:
                self._on_error(outcome.row["path"], outcome.row["error"])
            if outcome.result is not None and outcome.result.undeclared_bits is not None:
                self.undeclared.add(outcome.result.undeclared_bits)
            self.summary.add(outcome.row)
            self._observe(outcome)
            yield outcome.row
        if not self.summary.total:
            raise no_image_files("the inputs", self.left_out)

    def _observe(self, outcome: ClassifiedInput) -> None:
        for observer in self._observers:
            try:
                observer(outcome)
            except ImageError as error:
                self.unobserved += 1
                self._on_error(outcome.row["path"], str(error))

    def _rate(self, _: object) -> str:
        return f"{self.summary.rate:.0f}/s"
