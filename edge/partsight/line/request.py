"""What a run of the line is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from partsight.decision.policy import Policy
from partsight.inference.classifier import Classifier
from partsight.records import Verdict

if TYPE_CHECKING:
    from partsight.config.document import Config

__all__ = ["Load", "LineRequest", "policy_of"]

# From a model's path or bytes to what runs it; raises ``ModelError``.
Load = Callable[["str | bytes"], Classifier]


@dataclass(frozen=True, slots=True, eq=False)
class LineRequest:
    """What a run of the line is asked for.

    Attributes:
        config: in force: the file's, with what the command line says in its place.
        model: path of the model to begin with; with a store of models, only where that has none.
            None takes the store's.
        load: loads a model.
        reread: gives the configuration anew, or raises ``ConfigError``.
        max_parts: stop after so many; None goes on to the source's end.
    """

    config: Config
    model: str | None
    load: Load
    reread: Callable[[], Config]
    max_parts: int | None = None


def policy_of(config: Config) -> Policy:
    """How verdicts are given, by the section ``[decision]``."""
    decision = config.decision
    return Policy(
        decision.accept_above,
        decision.reject_below,
        Verdict(decision.fail_safe),
        decision.votes,
        decision.window,
        decision.min_contrast,
    )
