"""Observers get each inspection after it was recorded: alarms, drift watch, shadow model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from partsight.errors import ContractError
from partsight.line.inspector import Inspection, Inspector
from partsight.line.request import LineRequest
from partsight.model.product import require_same_product
from partsight.records import OnEvent
from partsight.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from partsight.drift import LineAlarms

__all__ = ["Observers", "open_observers"]

Observer = Callable[[Inspection], None]


@dataclass(frozen=True, slots=True)
class Observers:
    """Observers of a line.

    Attributes:
        each: called with each inspection.
        swapped: called after a model swap.
        alarms: gets new settings when the configuration is reloaded.
        notes: notes for the operator at the start, one sentence each.
    """

    each: Sequence[Observer]
    swapped: Sequence[Callable[[], None]]
    alarms: LineAlarms
    notes: Sequence[str] = ()


def open_observers(
    request: LineRequest,
    inspector: Inspector,
    telemetry: Telemetry,
    on_event: OnEvent,
    stack: ExitStack,
) -> Observers:
    """Alarms, the drift watch and the shadow model: they see each result last."""
    from partsight.drift import DriftObserver, LineAlarms

    alarms = LineAlarms(request.config.alarms, telemetry)
    observers: list[Observer] = [alarms]
    swapped = [alarms.follow_model]
    notes: list[str] = []
    drift = request.config.drift
    if drift.enabled:
        watch = DriftObserver(inspector, drift, telemetry)
        observers.append(watch)
        swapped.append(watch.follow_model)
        notes += filter(None, [watch.note])
    else:
        telemetry.state("drift", "off", "drift.enabled is false")
    if request.config.shadow.model is not None:
        observers.append(_open_shadow(request, inspector, telemetry, on_event, stack))
    return Observers(observers, swapped, alarms, notes)


def _open_shadow(
    request: LineRequest,
    inspector: Inspector,
    telemetry: Telemetry,
    on_event: OnEvent,
    stack: ExitStack,
) -> Observer:
    """Open the shadow model, which must be for the same product as the active model.

    Raises:
        ContractError: it is for another product.
    """
    from partsight.line.shadow import Shadow

    path = str(request.config.shadow.model)
    second = request.load(path)

    def require_product() -> None:
        active, name = inspector.classifier.contract.product, f"the shadow model {path}"
        remedy = "activate a model for that product: partsight model activate MODEL"
        require_same_product(second.contract.product, active, remedy, name)

    require_product()
    shadow = stack.enter_context(Shadow(second, telemetry, on_event))

    def offer(inspection: Inspection) -> None:
        try:
            require_product()  # another product's model may have been activated by hand
        except ContractError as error:
            telemetry.state("shadow", "another product", str(error))
            return
        if inspection.frame is not None:
            shadow.offer(inspection.frame.image_bgr, inspection.result)

    return offer
