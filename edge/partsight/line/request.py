"""Settings of one run of the line."""

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

# Loads a classifier from a model's path or bytes; raises ``ModelError``.
Load = Callable[["str | bytes"], Classifier]


@dataclass(frozen=True, slots=True, eq=False)
class LineRequest:
    """Settings of one run of the line.

    Attributes:
        config: effective configuration: the file's, with the options of the command line.
        model: path of the model to start with; with a model store, used only if the store is
            empty. None uses the store's.
        load: loads a model.
        reread: reads the configuration again; raises ``ConfigError``.
        max_parts: number of parts to stop after; None inspects until the source ends.
    """

    config: Config
    model: str | None
    load: Load
    reread: Callable[[], Config]
    max_parts: int | None = None


def policy_of(config: Config) -> Policy:
    """Return the decision policy of the section ``[decision]``."""
    decision = config.decision
    return Policy(
        decision.accept_above,
        decision.reject_below,
        Verdict(decision.fail_safe),
        decision.votes,
        decision.window,
        decision.min_contrast,
    )
