"""Request for a run of the line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from partsight.inference.classifier import Classifier
from partsight.inference.runtimes import RuntimeOptions
from partsight.qualification.trust import TrustPolicy

if TYPE_CHECKING:
    from partsight.config.document import Config

__all__ = ["LineRequest", "Load"]

# Loads a classifier from the path or the bytes of a model; raises ``ModelError``.
Load = Callable[["str | bytes"], Classifier]


@dataclass(frozen=True, slots=True, eq=False)
class LineRequest:
    """Request for a run of the line.

    Attributes:
        config: active configuration: the file, with options of the command line replacing its keys.
        model: path of the first model; with a store of models, used only if the store is empty.
            None uses the active model of the store.
        load: loads a model.
        reread: reads the configuration again, or raises ``ConfigError``.
        options: runtime that examines new models.
        trust: key that new models must be signed with.
        max_parts: number of parts after which the line ends; None for no limit.
    """

    config: Config
    model: str | None
    load: Load
    reread: Callable[[], Config]
    options: RuntimeOptions
    trust: TrustPolicy
    max_parts: int | None = None
