"""Pictures in, one result a picture out; what cannot be read is named, not skipped."""

from __future__ import annotations

import functools
import hashlib
import os
import queue
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import OperatingPoint, decide, reason
from partsight.errors import ImageError
from partsight.image.decode import decode
from partsight.image.file import read_picture_file
from partsight.image.out_of_memory import raise_if_out_of_memory
from partsight.image.undeclared_depth import UndeclaredDepthError
from partsight.inputs.base import Input, Picture, Unreadable
from partsight.records import PictureFacts, PictureResult
from partsight.utils.parallel_map import worked_ahead

if TYPE_CHECKING:
    from partsight.inference.classifier import Classifier

__all__ = ["classify_inputs", "judged"]


def classify_inputs(
    classifier: Classifier,
    inputs: Iterable[Input],
    *,
    point: OperatingPoint | None = None,
    details: bool = False,
    workers: int | None = None,
) -> Iterator[tuple[Input, PictureResult]]:
    """Judge pictures, several at once.

    Args:
        classifier: the loaded model; it is busy until the iterator ends.
        inputs: as ``open_inputs`` gives them.
        point: what verdicts are given by; None is the model's own.
        details: whether the size, time and digest of each picture are told.
        workers: threads, each with an interpreter of its own; None is one a core.

    Yields:
        Each input with its result, in their order: a verdict, or an error and no verdict. A few
        inputs a thread are held at a time, however many come.
    """
    count = workers or os.cpu_count() or 1
    idle: queue.SimpleQueue[Classifier] = queue.SimpleQueue()
    for each in (classifier, *(classifier.clone() for _ in range(count - 1))):
        idle.put(each)
    job = functools.partial(
        _judged_by_idle,
        idle=idle,
        point=point or classifier.contract.operating_point,
        details=details,
    )
    return worked_ahead(job, inputs, count)


def _judged_by_idle(
    taken: Input, *, idle: queue.SimpleQueue[Classifier], point: OperatingPoint, details: bool
) -> PictureResult:
    classifier = idle.get()  # never waits: there are as many as threads
    try:
        return judged(taken, classifier, point, details=details)
    finally:
        idle.put(classifier)


def judged(
    taken: Input, classifier: Classifier, point: OperatingPoint, *, details: bool = False
) -> PictureResult:
    """Judge one picture, whichever engine it came through; see ``classify_inputs``."""
    facts = None
    try:
        if isinstance(taken, Unreadable):
            raise ImageError(taken.reason)
        content, modified_at = _content(taken)
        if details:
            facts = _facts(content, modified_at)
        image = content if isinstance(content, np.ndarray) else _decoded(content, classifier)
        prediction = classifier.predict(classifier.prepare(image))
        return PictureResult(
            taken.name,
            classifier.model_sha256,
            prediction,
            decide(prediction, point),
            facts=facts,
            reason=reason(prediction, point),
        )
    except ImageError as error:
        raise_if_out_of_memory(error)
        bits = error.bits if isinstance(error, UndeclaredDepthError) else None
        return PictureResult(
            taken.name,
            classifier.model_sha256,
            error=str(error),
            facts=facts,
            undeclared_bits=bits,
        )


def _content(picture: Picture) -> tuple[bytes | NDArray[np.uint8], datetime | None]:
    if not isinstance(picture.content, Path):
        return picture.content, picture.modified_at
    data, status = read_picture_file(picture.content)
    return data, datetime.fromtimestamp(status.st_mtime, timezone.utc)


def _decoded(data: bytes, classifier: Classifier) -> NDArray[np.uint8]:
    return decode(data, classifier.contract.preprocess)


def _facts(content: bytes | NDArray[np.uint8], modified_at: datetime | None) -> PictureFacts | None:
    if isinstance(content, np.ndarray):
        return None  # a frame of a video is no file
    return PictureFacts(len(content), modified_at, hashlib.sha256(content).hexdigest())
