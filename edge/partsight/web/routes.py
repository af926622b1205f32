"""The routes ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from partsight.errors import EnvironmentFault
from partsight.telemetry.progress import Heartbeat
from partsight.telemetry.readiness import not_ready
from partsight.telemetry.telemetry import Telemetry
from partsight.web.answers import Answer, Request, Route, json_answer

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
    """Return the health server's routes by path.

    Args:
        telemetry: counters and states of the line.
        heartbeat: of the inspection loop.
        model: gives ``sha256`` and ``version`` of the active model.
        stalled_after_s: seconds after which a loop without a heartbeat is unhealthy.
        reasons: gives the reasons why the line is not ready.
    """

    def health(request: Request) -> Answer:
        age_s = heartbeat.age_s()
        ok = age_s <= stalled_after_s
        content = {"healthy": ok, "loop_age_s": round(age_s, 3), "allowed_s": stalled_after_s}
        return json_answer(HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE, content)

    def readiness(request: Request) -> Answer:
        missing = reasons(telemetry)
        status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
        content: dict[str, Any] = {"ready": not missing, "reasons": dict(missing)}
        drift = telemetry.states().get("drift")
        if drift is not None:  # does not affect readiness, but users rely on drift being watched
            content["drift"] = {"state": drift.name, "detail": drift.detail}
        return json_answer(status, content)

    return {
        "/healthz": Route(health),
        "/readyz": Route(readiness),
        "/metrics": _metrics_route(telemetry, model, heartbeat),
    }


def _metrics_route(telemetry: Telemetry, model: ModelFacts, heartbeat: Heartbeat) -> Route:
    try:
        from partsight.telemetry.metrics import exposition, line_registry
    except EnvironmentFault as fault:
        missing = json_answer(HTTPStatus.NOT_IMPLEMENTED, {"error": str(fault)})
        return Route(lambda request: missing)
    registry = line_registry(telemetry, model, heartbeat.age_s)

    def metrics(request: Request) -> Answer:
        body, content_type = exposition(registry, request.headers.get("Accept", ""))
        return Answer(HTTPStatus.OK, content_type, body)

    return Route(metrics)
