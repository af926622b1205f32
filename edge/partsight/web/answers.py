"""Requests, answers and routes of the HTTP server. Pure data; ``handler`` reads and writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Any

__all__ = ["Answer", "Refusal", "Request", "Route", "json_answer"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose head was read.

    Attributes:
        query: the part of the address after ``?``, still encoded; empty without one.
        headers: header fields; names are compared without case.
        monotonic_s: when the head had been read, seconds of ``time.monotonic``.
        body: reads the body, at most a given number of bytes; raises ``Refusal`` for a body that
            is longer, incomplete or without a length.
    """

    query: str
    headers: Message
    monotonic_s: float
    body: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, type and body of an answer, and header fields beyond the usual ones."""

    status: HTTPStatus
    content_type: str
    body: bytes
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A path's answer to some methods. ``answer`` may be called by several threads at once."""

    answer: Callable[[Request], Answer]
    methods: tuple[str, ...] = ("GET", "HEAD")


class Refusal(Exception):  # noqa: N818 - an answer to the client, not an error of partsight
    """A request that is answered with an error status and the reason as JSON."""

    def __init__(
        self, status: HTTPStatus, reason: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status, self.headers = status, headers


def json_answer(
    status: HTTPStatus, document: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Answer:
    """Return an answer whose body is one line of JSON."""
    return Answer(status, "application/json", json.dumps(document).encode() + b"\n", headers)
