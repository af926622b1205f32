"""A run over pictures from the first input to the last row, whether in one go or in several.

Enters: a classifier and inputs. Leaves: a row an input, those of a stopped run first; whoever wants
to do more with each picture than write a row is an ``Observer``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from partsight.batch.classify_files import classify_inputs
from partsight.batch.summary import Summary
from partsight.decision.decide import OperatingPoint
from partsight.errors import ImageError, OutputError
from partsight.image.undeclared_depth import UndeclaredBits
from partsight.image_files.read import no_pictures
from partsight.image_files.walk import LeftOut
from partsight.inputs.base import Input
from partsight.records import PictureResult
from partsight.results.base import Row
from partsight.utils.progress import Progress

if TYPE_CHECKING:
    from partsight.batch.spool import Spool
    from partsight.inference.classifier import Classifier

__all__ = ["Judging", "Observer", "Outcome", "Run"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one input.

    Attributes:
        taken: the input.
        row: its columns.
        result: what they are of; None where a run before has judged it.
    """

    taken: Input
    row: Row
    result: PictureResult | None = None


# Raises ``ImageError`` where it cannot do its work on this picture; the run goes on.
Observer = Callable[[Outcome], object]


@dataclass(frozen=True, slots=True)
class Judging:
    """What decides the rows of a run, beside its inputs.

    Attributes:
        classifier: the loaded model.
        point: what verdicts are given by.
        details: whether rows tell the size, time and digest of each picture.
        workers: threads; None is one a core.
    """

    classifier: Classifier
    point: OperatingPoint
    details: bool = False
    workers: int | None = None

    def asked(self) -> dict[str, Any]:
        """What a run that goes on must have been asked, too."""
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

    def judge(self, inputs: Iterable[Input]) -> Iterator[Outcome]:
        """The outcome of each input, in their order."""
        results = classify_inputs(
            self.classifier,
            inputs,
            point=self.point,
            details=self.details,
            workers=self.workers,
        )
        for taken, result in results:
            row = result.row() | (result.details() if self.details else {})
            yield Outcome(taken, row, result)


class Run:
    """One run, told of as it goes.

    Args:
        judging: what decides the rows.
        inputs: as ``open_inputs`` gives them.
        observers: what else is done with each picture, before its row is handed on.
        tell: is given the name of what failed, and the reason.
        left_out: what ``open_inputs`` did not read so far.

    Attributes:
        summary: of all rows so far.
        left_out: as given.
        unobserved: how often an observer could not do its work.
        undeclared: 16-bit files that were refused because the model declares no bit depth.
    """

    def __init__(
        self,
        judging: Judging,
        inputs: Iterator[Input],
        observers: Sequence[Observer],
        tell: Callable[[str, str], object],
        left_out: LeftOut,
    ) -> None:
        self.left_out = left_out
        self._judging, self._inputs = judging, inputs
        self._observers, self._tell = observers, tell
        self.summary, self.unobserved, self.undeclared = Summary(), 0, UndeclaredBits()

    def skip(self, spool: Spool) -> None:
        """Take what a run before has judged as it is.

        Raises:
            OutputError: the inputs are not those of that run.
        """
        for row in spool.rows():
            taken = next(self._inputs, None)
            if taken is None or taken.name != row["path"]:
                raise OutputError(
                    "the inputs are not those of the run that was stopped: expected "
                    f"{row['path']!r}, received {taken.name if taken else 'no more'!r}. Give the "
                    "same inputs, or remove the .partial file to begin anew."
                )
            self.summary.add(row, judged_now=False)
            self._observe(Outcome(taken, row))

    def rows(self, progress: Progress, total: int | None) -> Iterator[Row]:
        """Judge what is left.

        Args:
            progress: who is told how far it is.
            total: the number of all inputs, where it is known.

        Raises:
            DatasetError: there was no input at all.
        """
        left = None if total is None else max(0, total - self.summary.total)
        outcomes = self._judging.judge(self._inputs)
        for outcome in progress(outcomes, left, show=self._rate):
            if outcome.row["error"] is not None:
                self._tell(outcome.row["path"], outcome.row["error"])
            if outcome.result is not None and outcome.result.undeclared_bits is not None:
                self.undeclared.add(outcome.result.undeclared_bits)
            self.summary.add(outcome.row)
            self._observe(outcome)
            yield outcome.row
        if not self.summary.total:
            raise no_pictures("what was given", self.left_out)

    def _observe(self, outcome: Outcome) -> None:
        for observer in self._observers:
            try:
                observer(outcome)
            except ImageError as error:
                self.unobserved += 1
                self._tell(outcome.row["path"], str(error))

    def _rate(self, _: object) -> str:
        return f"{self.summary.rate:.0f} a second"
