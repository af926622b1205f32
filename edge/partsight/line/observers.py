"""What looks at each result after it was recorded: alarms, the drift watch, the shadow model."""

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
    """What looks at each result after it was recorded.

    Attributes:
        each: called with each result.
        swapped: called after another model was put in force.
        alarms: takes new settings when the configuration is read again.
        notes: what people must know once the line runs, a sentence each.
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
    """The shadow model, which must be of the product of the model that judges.

    Raises:
        ContractError: it is of another one.
    """
    from partsight.line.shadow import Shadow

    path = str(request.config.shadow.model)
    second = request.load(path)

    def require_product() -> None:
        active, name = inspector.classifier.contract.product, f"the shadow model {path}"
        remedy = "put one of its models in force: partsight model activate"
        require_same_product(second.contract.product, active, remedy, name)

    require_product()
    shadow = stack.enter_context(Shadow(second, telemetry, on_event))

    def offer(inspection: Inspection) -> None:
        try:
            require_product()  # another product's model may have been put in force by hand
        except ContractError as error:
            telemetry.state("shadow", "another product", str(error))
            return
        if inspection.frame is not None:
            shadow.offer(inspection.frame.image_bgr, inspection.result)

    return offer
