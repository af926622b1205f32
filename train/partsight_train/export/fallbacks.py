"""The remedies in their order, each tried until a file passes."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from partsight_train.conversion.names import VariantName
from partsight_train.export.fallback_calibration import more_calibration
from partsight_train.export.fallback_fine_tuning import fine_tuned
from partsight_train.export.fallback_head import refitted_head
from partsight_train.export.fallback_layers import sensitive_layers
from partsight_train.export.gate import Limits, breaches
from partsight_train.export.variant import (
    ConversionSpec,
    ReferenceModel,
    Variant,
    make_variant,
    plain_recipe,
    recorded,
)

__all__ = ["REMEDIES", "Attempt", "Remedied", "Remedy", "with_fallbacks"]

logger = logging.getLogger(__name__)

# From the approved model, the kind of file and what the refused one was made from, to what
# others may be made from, each with a word on what it is. ModelError says why there are none.
Remedy = Callable[
    [ReferenceModel, VariantName, ConversionSpec], Iterator[tuple[str, ConversionSpec]]
]
REMEDIES: Mapping[str, Remedy] = {
    "more-calibration": more_calibration,
    "refitted-head": refitted_head,
    "sensitive-layers": sensitive_layers,
    "fine-tuning": fine_tuned,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One remedy as it was tried, or why it was not.

    Attributes:
        remedy: its name; ``none`` is the plain file.
        detail: what was done.
        parity: see ``gate.compare``; None where no file was made.
        refusals: why the file was refused, or why there is none; empty where it passed.
    """

    remedy: str
    detail: str
    parity: Mapping[str, Any] | None
    refusals: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether its file was delivered."""
        return not self.refusals

    def document(self) -> dict[str, Any]:
        """As the contract holds it."""
        return {**dataclasses.asdict(self), "passed": self.passed}


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Remedied:
    """The file that passed, or the closest of those that were refused; and all that was tried.

    ``attempts`` begins with the plain file.
    """

    file: Variant
    attempts: tuple[Attempt, ...]

    @property
    def passed(self) -> bool:
        """Whether the file may be delivered."""
        return self.attempts[-1].passed


def with_fallbacks(
    reference_model: ReferenceModel,
    variant: VariantName,
    limits: Limits,
    runtime_failures: Callable[[bytes], Sequence[str]],
    remedies: Mapping[str, Remedy] = REMEDIES,
) -> Remedied:
    """Make a file, and where it decides otherwise than the approved model, others.

    Each remedy starts from the approved network, with the pictures of what came closest so far.
    A file that agrees and that a runtime refuses is not tried again: no remedy makes it simpler.

    Args:
        reference_model: the float model.
        variant: the kind of file.
        limits: what a file may lose.
        runtime_failures: what goes wrong with a file where it is run.
        remedies: by name, in their order; none gives the plain file alone.

    Raises:
        ModelError: not even the plain file can be made.
    """
    attempts: list[Attempt] = []

    def tried(remedy: str, detail: str, conversion_spec: ConversionSpec) -> Variant:
        file = make_variant(reference_model, variant, conversion_spec)
        passed = Attempt(remedy, detail, file.parity, ())
        file = recorded(file, [each.document() for each in (*attempts, passed)])
        refusals = breaches(file.parity, limits) or runtime_failures(file.data)
        attempts.append(dataclasses.replace(passed, refusals=tuple(refusals)))
        return file

    conversion_spec = plain_recipe(reference_model, variant)
    closest = file = tried("none", "", conversion_spec)
    if attempts[0].passed or not breaches(file.parity, limits):
        return Remedied(file, tuple(attempts))
    for name, remedy in remedies.items():
        logger.warning("%s: %s; trying %s", variant, attempts[-1].refusals[0], name)
        try:
            start = ConversionSpec(reference_model.network, conversion_spec.calibration)
            for detail, other in remedy(reference_model, variant, start):
                file = tried(name, detail, other)
                if attempts[-1].passed:
                    return Remedied(file, tuple(attempts))
                if _distance(file, limits) < _distance(closest, limits):
                    closest, conversion_spec = file, other
        except Exception as error:  # noqa: BLE001 - TensorFlow raises what its parts raise
            attempts.append(Attempt(name, "", None, (_first_line(error),)))
    return Remedied(closest, tuple(attempts))


def _distance(file: Variant, limits: Limits) -> tuple[float, ...]:
    parity = file.parity
    return (len(breaches(parity, limits)), -parity["agreement"], parity["mean_difference"])


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
