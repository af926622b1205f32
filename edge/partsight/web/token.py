"""The bearer token of a request."""

from __future__ import annotations

import dataclasses
import hmac
from http import HTTPStatus

from partsight.web.answers import Answer, Refusal, Request, Route

__all__ = ["require_token", "with_token"]


def require_token(request: Request, token: str) -> None:
    """Refuse a request without the token.

    Raises:
        Refusal: the token is missing or another one.
    """
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode()):
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "expected Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )


def with_token(route: Route, token: str) -> Route:
    """A route that answers only requests with the token."""

    def answer(request: Request) -> Answer:
        require_token(request, token)
        return route.answer(request)

    return dataclasses.replace(route, answer=answer)
