"""Classifies inputs in parallel, with one result per input; unreadable inputs give an error."""

from __future__ import annotations

import functools
import hashlib
import os
import queue
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import decide, reason
from partsight.decision.operating_point import OperatingPoint
from partsight.errors import ImageError
from partsight.image.decode import decode
from partsight.image.file import read_image_file
from partsight.image.out_of_memory import raise_if_out_of_memory
from partsight.image.undeclared_depth import UndeclaredDepthError
from partsight.inputs.base import Input, InputImage, Unreadable
from partsight.records import ImageFileFacts, ImageResult
from partsight.utils.parallel_map import parallel_map
from partsight.utils.wall_clock import file_time

if TYPE_CHECKING:
    from partsight.inference.classifier import Classifier

__all__ = ["classify_input", "classify_inputs"]


def classify_inputs(
    classifier: Classifier,
    inputs: Iterable[Input],
    *,
    point: OperatingPoint | None = None,
    details: bool = False,
    workers: int | None = None,
) -> Iterator[tuple[Input, ImageResult]]:
    """Classify images in several threads.

    Args:
        classifier: the loaded model; it is in use until the iterator ends.
        inputs: from ``open_inputs``.
        point: operating point of the verdicts; None means the model's own.
        details: whether results contain the size, time and digest of each file.
        workers: number of threads, each with its own interpreter; None means one per core.

    Yields:
        Each input with its result, in the order of ``inputs``: a verdict, or an error and no
        verdict. Only a few inputs per thread are in memory at a time.
    """
    count = workers or os.cpu_count() or 1
    idle: queue.SimpleQueue[Classifier] = queue.SimpleQueue()
    for each in (classifier, *(classifier.clone() for _ in range(count - 1))):
        idle.put(each)
    job = functools.partial(
        _classify_with_idle,
        idle=idle,
        point=point or classifier.contract.operating_point,
        details=details,
    )
    return parallel_map(job, inputs, count)


def _classify_with_idle(
    item: Input, *, idle: queue.SimpleQueue[Classifier], point: OperatingPoint, details: bool
) -> ImageResult:
    classifier = idle.get()  # never waits: there is one classifier per thread
    try:
        return classify_input(item, classifier, point, details=details)
    finally:
        idle.put(classifier)


def classify_input(
    item: Input, classifier: Classifier, point: OperatingPoint, *, details: bool = False
) -> ImageResult:
    """Classify one input, for every engine; see ``classify_inputs``."""
    facts = None
    try:
        if isinstance(item, Unreadable):
            raise ImageError(item.reason)
        content, modified_at = _read(item)
        if details:
            facts = _facts(content, modified_at)
        image = (
            content
            if isinstance(content, np.ndarray)
            else decode(content, classifier.contract.preprocess)
        )
        prediction = classifier.predict(classifier.prepare(image))
        return ImageResult(
            item.name,
            classifier.model_sha256,
            prediction,
            decide(prediction, point),
            facts=facts,
            reason=reason(prediction, point),
        )
    except ImageError as error:
        raise_if_out_of_memory(error)
        bits = error.bits if isinstance(error, UndeclaredDepthError) else None
        return ImageResult(
            item.name,
            classifier.model_sha256,
            error=str(error),
            facts=facts,
            undeclared_bits=bits,
        )


def _read(image: InputImage) -> tuple[bytes | NDArray[np.uint8], datetime | None]:
    """The bytes or pixels of an input, and its time of modification if it is known."""
    if not isinstance(image.content, Path):
        return image.content, image.modified_at
    data, status = read_image_file(image.content)
    return data, file_time(status.st_mtime)


def _facts(
    content: bytes | NDArray[np.uint8], modified_at: datetime | None
) -> ImageFileFacts | None:
    if isinstance(content, np.ndarray):
        return None  # a frame of a video is not a file
    return ImageFileFacts(len(content), modified_at, hashlib.sha256(content).hexdigest())
