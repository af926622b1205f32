"""``POST /trigger`` as a trigger, answered by the line's HTTP server at an address of its own.

The part's id is ``?part_id=``, otherwise it is read from the body, see ``part_id``. The answer is
202 with ``{"occasion": N}`` as soon as trigger event N waits for its frame; the verdict goes to
the sinks. The event's time is when the head of the request had been read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from partsight.config.secret import optional_secret
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.id_report import IdReport
from partsight.triggers.part_id import plain_id
from partsight.triggers.trigger_queue import TriggerQueue
from partsight.utils.limits import MAX_MESSAGE_BYTES
from partsight.web.answers import Answer, Refusal, Request, Route, json_answer
from partsight.web.server import http_server
from partsight.web.token import require_token

if TYPE_CHECKING:
    from partsight.config.trigger import HttpTriggerConfig

__all__ = ["http_listener"]

# Clients that have sent nothing yet must not crowd out one with a token that has just connected:
# 16 that connected again whenever they were replaced did so to 14 of 15.
_MAX_CLIENTS = 64


@contextlib.contextmanager
def http_listener(
    config: HttpTriggerConfig, trigger_queue: TriggerQueue, telemetry: Telemetry
) -> Iterator[None]:
    """Put a trigger event into the queue for each request, while the block is open.

    Raises:
        ConfigError: the token cannot be read, or the address cannot be listened on.
    """
    token = optional_secret("token", config.token_env, config.token_file)
    ids = IdReport(telemetry)

    def trigger(request: Request) -> Answer:
        _require_allowed(request, token)
        number = trigger_queue.put(_part_id(request, ids), request.monotonic_s)
        if number is None:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many triggers are waiting")
        return json_answer(HTTPStatus.ACCEPTED, {"occasion": number})

    with http_server(
        {"/trigger": Route(trigger, ("POST",))},
        section="trigger",
        host=config.host,
        port=config.port,
        max_clients=_MAX_CLIENTS,
    ):
        telemetry.state("trigger", "listening", f"http://{config.host}:{config.port}/trigger")
        yield


def _require_allowed(request: Request, token: str | None) -> None:
    """Refuse a request without the token; without a token configured, one from a web page."""
    if token is None:
        # Otherwise any web page opened in a browser on this device could trigger.
        if "Origin" in request.headers:
            raise Refusal(HTTPStatus.FORBIDDEN, "requests from web pages need a token")
        return
    require_token(request, token)


def _part_id(request: Request, ids: IdReport) -> str | None:
    body = request.body(MAX_MESSAGE_BYTES)
    in_query = parse_qs(request.query).get("part_id")
    try:
        return ids.read(in_query[0].encode(), _plain) if in_query else ids.read(body)
    except ValueError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error


def _plain(text: bytes) -> str | None:
    """Return the id of a query, which is plain text and not JSON."""
    return plain_id(text.decode())
