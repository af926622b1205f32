"""Golden samples: a few pictures in a model file, with the scores that it gave at export.

Replayed on a device they tell whether this machine, with its libraries, still decides as the
one did on which the file was approved: decoding, preprocessing, network and all.
"""

from __future__ import annotations

from dataclasses import dataclass

from partsight.classify import Classifier
from partsight.contract import GoldenSample
from partsight.decode import decode
from partsight.errors import ImageError, ModelError
from partsight.model_file import ModelFile
from partsight.zip_tail import TailDamage, read_member

__all__ = ["MAX_BYTES", "TOLERANCE", "Replay", "replay"]

# Of a score. Kernels of other processors round otherwise, by some steps of a uint8 softmax.
TOLERANCE = 8 / 256
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


def replay(file: ModelFile) -> list[Replay]:
    """Judge the golden samples of a model file on this machine.

    Raises:
        ModelError: it has none, or one is damaged.
    """
    samples = file.contract.golden
    if not samples:
        raise ModelError(
            "the model holds no golden samples: it was made without. Export it with "
            "'partsight export', which puts some in."
        )
    classifier = Classifier.load(file.data)
    replays = []
    for sample in samples:
        try:
            data = read_member(file.data, sample.file, MAX_BYTES)
            (prediction,) = classifier.classify([decode(data)])
        except (ImageError, LookupError, TailDamage) as error:
            raise ModelError(
                f"the golden sample {sample.file} is damaged: {error}. Copy the model again."
            ) from error
        replays.append(Replay(sample, tuple(prediction.scores.values())))
    return replays
