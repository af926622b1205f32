"""Good and bad parts among scored images, for any number of labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import accept_scores
from partsight.evaluation.evaluate import ScoredImages

__all__ = ["Kinds", "kinds_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """N images of good and bad parts.

    Attributes:
        bad: bool (N,), True if the label of the part is not accepted.
        score: deciding score, float (N,) in [0, 1], high for good parts.
    """

    bad: NDArray[np.bool_]
    score: NDArray[np.float64]

    @property
    def both(self) -> bool:
        """Whether there are good and bad parts."""
        return bool(self.bad.any() and not self.bad.all())

    @property
    def share_of_bad(self) -> float | None:
        """The share of bad parts; None if there are no images."""
        return float(self.bad.mean()) if len(self.bad) else None


def kinds_of(
    scored: ScoredImages, labels: tuple[str, ...], accept_labels: tuple[str, ...]
) -> Kinds | None:
    """Return the kinds of scored images; None if no label of good parts is known."""
    if not accept_labels:
        return None
    good = [labels.index(label) for label in accept_labels]
    deciding = accept_scores(labels, scored.scores, accept_labels)
    return Kinds(~np.isin(scored.true, good), deciding)
