"""What a report is made of."""

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
    """All that is known of a run. What has a default may be missing; its section says so.

    Attributes:
        metrics: the document of ``metrics.json``.
        provenance: how the model was made, ready for JSON.
        on_validation: what the delivered file said of the validation pictures.
        on_test: what it said of the test pictures.
        history: phase of training to one mapping an epoch, with any of ``loss``,
            ``accuracy``, ``val_loss`` and ``val_accuracy``.
        sizes: names of the delivered files to their bytes.
        splits: label to split to number of pictures.
        parts: label to number of parts.
        places: picture to where its part stands; pictures of one place show the same part.
            Others are told by their names.
        notes: how the folder of pictures was read, a sentence each.
        findings: what the data check found, a sentence each.
        maps: from a file and a label's index to what each pixel adds to that label's
            margin, float (H, W) over the network's input; None where there is none.
        seconds: stages of the run to the time that each took.
        spec: what pictures go through before the network.
        model_sha256: digest of the delivered file, as results name it.
        command_line: what was typed.
    """

    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any]
    on_validation: ScoredImages
    on_test: ScoredImages
    history: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    splits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[Path, float] = field(default_factory=dict)
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
