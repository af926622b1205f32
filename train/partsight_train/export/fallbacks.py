"""The fallbacks in their order, each tried until a file passes."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from partsight_train.conversion.names import VariantName
from partsight_train.export.fallback_calibration import more_calibration
from partsight_train.export.fallback_head import refitted_head
from partsight_train.export.fallback_layers import sensitive_layers
from partsight_train.export.gate import Limits, breaches
from partsight_train.export.variant import (
    ConversionSpec,
    ReferenceModel,
    Variant,
    make_variant,
    plain_spec,
    with_attempts,
)

__all__ = ["FALLBACKS", "Attempt", "Fallback", "FallbackResult", "with_fallbacks"]

logger = logging.getLogger(__name__)

# From the approved model, the variant and the spec of a refused file to other specs, each with a
# short description. Raises ModelError with the reason if it does not apply.
Fallback = Callable[
    [ReferenceModel, VariantName, ConversionSpec], Iterator[tuple[str, ConversionSpec]]
]
FALLBACKS: Mapping[str, Fallback] = {
    "more-calibration": more_calibration,
    "refitted-head": refitted_head,
    "sensitive-layers": sensitive_layers,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One file that was made, or a fallback that did not apply.

    Attributes:
        fallback: its name; ``none`` is the plain file.
        detail: short description of the change.
        parity: see ``gate.compare``; None if no file was made.
        refusals: why the file was refused or not made; empty if it passed.
    """

    fallback: str
    detail: str
    parity: Mapping[str, Any] | None
    refusals: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the file was accepted."""
        return not self.refusals

    def document(self) -> dict[str, Any]:
        """The entry in the provenance of the contract, where a fallback is named ``remedy``."""
        return {
            "remedy": self.fallback,
            "detail": self.detail,
            "parity": self.parity,
            "refusals": self.refusals,
            "passed": self.passed,
        }


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class FallbackResult:
    """The file that passed, else the closest of the refused files, with all attempts.

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
    fallbacks: Mapping[str, Fallback] = FALLBACKS,
) -> FallbackResult:
    """Make the plain file, and others if it decides differently from the approved model.

    Each fallback starts from the approved network and the calibration pictures of the closest
    file so far. A file within the limits that a runtime refuses has no fallback, since none
    makes it simpler.

    Args:
        reference_model: the float model.
        variant: the kind of file.
        limits: how far a file may fall behind the float model.
        runtime_failures: returns one sentence per runtime that fails on a file.
        fallbacks: by name, in their order; empty makes the plain file only.

    Raises:
        ModelError: the plain file cannot be made.
    """
    attempts: list[Attempt] = []
    made: list[tuple[Variant, ConversionSpec]] = []

    def passes(fallback: str, detail: str, spec: ConversionSpec) -> bool:
        file = make_variant(reference_model, variant, spec)
        attempt = Attempt(fallback, detail, file.parity, ())
        file = with_attempts(file, [each.document() for each in (*attempts, attempt)])
        refusals = breaches(file.parity, limits) or runtime_failures(file.data)
        attempts.append(dataclasses.replace(attempt, refusals=tuple(refusals)))
        made.append((file, spec))
        return not refusals

    def closest() -> tuple[Variant, ConversionSpec]:
        return min(made, key=lambda each: _distance(each[0], limits))

    if passes("none", "", plain_spec(reference_model, variant)):
        return FallbackResult(made[0][0], tuple(attempts))
    for name, fallback in fallbacks.items() if breaches(made[0][0].parity, limits) else ():
        logger.warning("%s: %s; trying %s", variant, attempts[-1].refusals[0], name)
        try:
            start = ConversionSpec(reference_model.network, closest()[1].calibration)
            for detail, spec in fallback(reference_model, variant, start):
                if passes(name, detail, spec):
                    return FallbackResult(made[-1][0], tuple(attempts))
        except Exception as error:  # noqa: BLE001 - TensorFlow raises many types
            attempts.append(Attempt(name, "", None, (_first_line(error),)))
    return FallbackResult(closest()[0], tuple(attempts))


def _distance(file: Variant, limits: Limits) -> tuple[float, ...]:
    parity = file.parity
    return (len(breaches(parity, limits)), -parity["agreement"], parity["mean_difference"])


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
