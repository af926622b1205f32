"""What the health server answers: ``/healthz``, ``/readyz`` and ``/metrics``.

Enters: the vitals, the loop's heartbeat and the facts of the model. Leaves: a route a path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from partsight.errors import EnvironmentFault
from partsight.telemetry.progress import Heartbeat
from partsight.telemetry.readiness import not_ready
from partsight.telemetry.telemetry import Telemetry
from partsight.web.answers import Answer, Route, json_answer

if TYPE_CHECKING:
    from partsight.telemetry.metrics import ModelFacts

__all__ = ["line_routes"]


def line_routes(
    telemetry: Telemetry,
    heartbeat: Heartbeat,
    model: ModelFacts,
    *,
    stalled_after_s: float = 10.0,
    reasons: Callable[[Telemetry], Mapping[str, str]] = not_ready,
) -> dict[str, Route]:
    """What the line answers.

    Args:
        telemetry: of the line.
        heartbeat: of its loop.
        model: ``sha256`` and ``version`` of the model in force.
        stalled_after_s: a loop that had no turn for so long is not healthy.
        reasons: what keeps the line from being ready.
    """

    def health(accept: str) -> Answer:
        age_s = heartbeat.age_s()
        ok = age_s <= stalled_after_s
        said = {"healthy": ok, "loop_age_s": round(age_s, 3), "allowed_s": stalled_after_s}
        return json_answer(HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE, said)

    def readiness(accept: str) -> Answer:
        missing = reasons(telemetry)
        status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
        said: dict[str, Any] = {"ready": not missing, "reasons": dict(missing)}
        drift = telemetry.states().get("drift")
        if drift is not None:  # keeps no line from being ready, and is easily taken for granted
            said["drift"] = {"state": drift.name, "detail": drift.detail}
        return json_answer(status, said)

    return {
        "/healthz": health,
        "/readyz": readiness,
        "/metrics": _metrics_route(telemetry, model, heartbeat),
    }


def _metrics_route(telemetry: Telemetry, model: ModelFacts, heartbeat: Heartbeat) -> Route:
    try:
        from partsight.telemetry.metrics import exposition, line_registry
    except EnvironmentFault as fault:
        lacking = json_answer(HTTPStatus.NOT_IMPLEMENTED, {"error": str(fault)})
        return lambda accept: lacking
    registry = line_registry(telemetry, model, heartbeat.age_s)

    def metrics(accept: str) -> Answer:
        body, content_type = exposition(registry, accept)
        return Answer(HTTPStatus.OK, content_type, body)

    return metrics
