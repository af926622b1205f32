"""Picture files in, one result a picture out; what cannot be read is named, not skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from partsight.classify import Classifier
from partsight.errors import ImageError
from partsight.pictures import read_pictures
from partsight.records import PictureResult

__all__ = ["classify_files"]


def classify_files(classifier: Classifier, paths: Iterable[Path]) -> Iterator[PictureResult]:
    """Classify files in their order.

    Args:
        classifier: the loaded model.
        paths: picture files, as ``find_pictures`` gives them.

    Yields:
        A result a path, with a verdict, or with an error and no verdict.
    """
    digest = classifier.model_sha256
    for path, picture in read_pictures(paths, classifier.contract.preprocess):
        if isinstance(picture, ImageError):
            yield PictureResult(str(path), digest, error=str(picture))
            continue
        (prediction,) = classifier.classify([picture])
        yield PictureResult(str(path), digest, prediction, classifier.decide(prediction))
