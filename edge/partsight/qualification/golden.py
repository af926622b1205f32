"""Golden samples: a few images in a model file, with the scores of the model at export.

A replay on a device shows whether decoding, preprocessing and network give the same results with
the libraries of this machine as where the file was exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from partsight.errors import ImageError, ModelError
from partsight.model.contract import GoldenSample
from partsight.model.file import ModelFile
from partsight.model.zip_tail import TailDamage, read_member
from partsight.qualification.trial_cache import has_passed, remember

if TYPE_CHECKING:
    from partsight.inference.classifier import Classifier

__all__ = [
    "MAX_BYTES",
    "TOLERANCE",
    "Replay",
    "replay",
    "require_same_scores",
    "require_same_scores_once",
]

_EXAMINATION = "golden"

# Largest difference of a score. Kernels of other processors round differently: on Arm, those of
# tflite-runtime moved scores by up to 0.10 and no label of 1,344. Broken kernels change labels.
TOLERANCE = 1 / 8
# Largest size of one image file.
MAX_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Replay:
    """A sample and its scores on this machine, in the order of the model's labels."""

    sample: GoldenSample
    scores: tuple[float, ...]

    @property
    def difference(self) -> float:
        """Largest difference of a score between export and this machine."""
        return max(abs(a - b) for a, b in zip(self.sample.scores, self.scores, strict=True))

    @property
    def passes(self) -> bool:
        """Whether the scores are the same within ``TOLERANCE``."""
        return self.difference <= TOLERANCE


def require_same_scores_once(file: ModelFile, classifier: Classifier) -> None:
    """Call ``require_same_scores`` for a model with golden samples that has not passed here before.

    A pass is remembered, see ``trial_cache``.
    """
    runtime = classifier.interpreter.runtime
    if file.contract.golden and not has_passed(_EXAMINATION, file.sha256, runtime):
        require_same_scores(file, classifier)


def require_same_scores(file: ModelFile, classifier: Classifier) -> list[Replay]:
    """Refuse a model that gives other scores here than at export.

    Args:
        file: model file with golden samples.
        classifier: classifier of that file.

    Raises:
        ModelError: the scores differ, or see ``replay``.
    """
    replays = replay(file, classifier)
    if not all(each.passes for each in replays):
        runtime = classifier.interpreter.runtime
        raise ModelError(
            "the model does not decide here as it did where it was exported: expected scores of "
            f"its golden samples within {TOLERANCE:.4f}, received a difference of "
            f"{max(each.difference for each in replays):.4f} under {runtime.distribution} "
            f"{runtime.version}. See 'partsight model check', or use the other TFLite runtime."
        )
    remember(_EXAMINATION, file.sha256, classifier.interpreter.runtime)
    return replays


def replay(file: ModelFile, classifier: Classifier) -> list[Replay]:
    """Classify the golden samples of a model file on this machine.

    Args:
        file: model file with golden samples.
        classifier: classifier of that file.

    Raises:
        ModelError: the file has no golden samples, or one is damaged.
    """
    if not file.contract.golden:
        raise ModelError(
            "the model holds no golden samples: it was made without, or by another tool. Export it "
            "with 'partsight export', which adds some; for a model of another tool in a store "
            "set models.require_golden = false."
        )
    return [_replayed(file, classifier, sample) for sample in file.contract.golden]


def _replayed(file: ModelFile, classifier: Classifier, sample: GoldenSample) -> Replay:
    # Imported here: a line that starts with a known model needs no decoder.
    from partsight.image.decode import decode

    try:
        picture = decode(read_member(file.data, sample.file, MAX_BYTES))
    except (ImageError, LookupError, TailDamage) as error:
        raise ModelError(
            f"the golden sample {sample.file} is damaged: {error}. Copy the model again."
        ) from error
    (prediction,) = classifier.classify([picture])
    return Replay(sample, tuple(prediction.scores.values()))
