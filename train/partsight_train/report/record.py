"""The data of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.evaluate import ScoredImages
from partsight.image.spec import PreprocessSpec

__all__ = ["RunRecord"]


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """The results of a run. Values with a default are optional; the report says if one is missing.

    Attributes:
        metrics: the document of ``metrics.json``.
        provenance: how the model was made, ready for JSON.
        on_validation: results of the delivered file on the validation images.
        on_test: results of the delivered file on the test images.
        history: phase of training to one mapping per epoch, with any of ``loss``,
            ``accuracy``, ``val_loss`` and ``val_accuracy``.
        sizes: names of the delivered files to their sizes in bytes.
        splits: label to split to number of images.
        parts: label to number of parts.
        part_hashes: image to the hash of its part; images with one hash show the same part. The
            hash of other images follows from their names.
        notes: how the image folder was read, one text per fact.
        findings: messages of the data check.
        maps: function from a file and the index of a label to the contribution of each pixel of
            the network's input to the margin of that label, float32 (H, W), or None.
        seconds: stage of the run to its time in seconds.
        spec: preprocessing of the network.
        model_sha256: digest of the delivered file.
        command_line: the command that started the run.
    """

    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any]
    on_validation: ScoredImages
    on_test: ScoredImages
    history: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    splits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)
    part_hashes: Mapping[Path, float] = field(default_factory=dict)
    notes: Sequence[str] = ()
    findings: Sequence[str] = ()
    maps: Callable[[Path, int], NDArray[np.float32] | None] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    spec: PreprocessSpec | None = None
    model_sha256: str = ""
    command_line: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """K labels, in the order of the scores' columns."""
        return tuple(self.metrics["labels"])

    @property
    def point(self) -> OperatingPoint:
        """The operating point of the delivered file."""
        point = dict(self.metrics["int8"]["operating_point"])
        return OperatingPoint(**{**point, "accept_labels": tuple(point["accept_labels"])})
