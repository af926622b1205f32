"""Golden samples: a few pictures in a model file, with the scores that it gave at export.

Replayed on a device they tell whether this machine, with its libraries, still decides as the
one did on which the file was approved: decoding, preprocessing, network and all.
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

# Of a score. Kernels of other processors round otherwise: on Arm, those of tflite-runtime were
# seen to move scores by up to 0.10, and no label of 1,344. Broken ones gave the other label.
TOLERANCE = 1 / 8
# Of one picture.
MAX_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Replay:
    """A sample and its scores here, in the model's order of labels."""

    sample: GoldenSample
    scores: tuple[float, ...]

    @property
    def difference(self) -> float:
        """The largest of one label's scores, between export and here."""
        return max(abs(a - b) for a, b in zip(self.sample.scores, self.scores, strict=True))

    @property
    def passes(self) -> bool:
        """Whether scores are what they were, to ``TOLERANCE``."""
        return self.difference <= TOLERANCE


def require_same_scores_once(file: ModelFile, classifier: Classifier) -> None:
    """``require_same_scores``, of a model that has some and has not passed here before.

    What passed is remembered, see ``passed``.
    """
    runtime = classifier.interpreter.runtime
    if file.contract.golden and not has_passed(_EXAMINATION, file.sha256, runtime):
        require_same_scores(file, classifier)


def require_same_scores(file: ModelFile, classifier: Classifier) -> list[Replay]:
    """Refuse a model that decides otherwise here than where it was approved.

    Args:
        file: with golden samples.
        classifier: of that file.

    Raises:
        ModelError: so it does, or see ``replay``.
    """
    replays = replay(file, classifier)
    if not all(each.passes for each in replays):
        runtime = classifier.interpreter.runtime
        raise ModelError(
            "the model does not decide here as it did where it was exported: expected scores of "
            f"its golden samples within {TOLERANCE:.4f}, received a difference of "
            f"{max(each.difference for each in replays):.4f} under {runtime.distribution} "
            f"{runtime.version}. See 'partsight check', or use the other TFLite runtime."
        )
    remember(_EXAMINATION, file.sha256, classifier.interpreter.runtime)
    return replays


def replay(file: ModelFile, classifier: Classifier) -> list[Replay]:
    """Judge the golden samples of a model file on this machine.

    Args:
        file: with golden samples.
        classifier: of that file.

    Raises:
        ModelError: it has none, or one is damaged.
    """
    if not file.contract.golden:
        raise ModelError(
            "the model holds no golden samples: it was made without, or by another tool. Export it "
            "with 'partsight export', which puts some in; for a model of another tool in a store "
            "set models.require_golden = false."
        )
    return [_replayed(file, classifier, sample) for sample in file.contract.golden]


def _replayed(file: ModelFile, classifier: Classifier, sample: GoldenSample) -> Replay:
    # A line that starts with a model it knows needs no decoder.
    from partsight.image.decode import decode

    try:
        picture = decode(read_member(file.data, sample.file, MAX_BYTES))
    except (ImageError, LookupError, TailDamage) as error:
        raise ModelError(
            f"the golden sample {sample.file} is damaged: {error}. Copy the model again."
        ) from error
    (prediction,) = classifier.classify([picture])
    return Replay(sample, tuple(prediction.scores.values()))
