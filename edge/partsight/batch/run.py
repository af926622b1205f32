"""A run over pictures from the first input to the last row, whether in one go or in several.

Enters: a classifier, inputs and a spool. Leaves: a row an input, those of a stopped run first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from partsight.batch.classify_files import classify_inputs
from partsight.batch.spool import Spool
from partsight.classify import Classifier
from partsight.decide import OperatingPoint
from partsight.errors import OutputError
from partsight.inputs.base import Input
from partsight.records import PictureResult

__all__ = ["Judging", "known_rows"]


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

    def asked(self, every: int) -> dict[str, Any]:
        """What a run that goes on must have been asked, too."""
        return {
            "model": self.classifier.model_sha256,
            "accept_labels": list(self.point.accept_labels),
            "accept_above": self.point.accept_above,
            "reject_below": self.point.reject_below,
            "details": self.details,
            "every": every,
        }

    def judge(self, inputs: Iterable[Input]) -> Iterator[tuple[Input, PictureResult]]:
        """A result an input, in their order."""
        return classify_inputs(
            self.classifier,
            inputs,
            point=self.point,
            details=self.details,
            workers=self.workers,
        )

    def row(self, result: PictureResult) -> dict[str, Any]:
        """The columns that were asked for."""
        return result.row() | (result.details() if self.details else {})


def known_rows(spool: Spool, inputs: Iterator[Input]) -> Iterator[dict[str, Any]]:
    """The rows of a stopped run; its inputs are drawn, so that what is left is yet to be judged.

    Raises:
        OutputError: the inputs are not those of that run.
    """
    for row in spool.rows():
        taken = next(inputs, None)
        if taken is None or taken.name != row["path"]:
            raise OutputError(
                f"the inputs are not those of the run that was stopped: expected {row['path']!r}, "
                f"received {taken.name if taken else 'no more'!r}. Give the same inputs, or remove "
                "the .partial file to begin anew."
            )
        yield row
