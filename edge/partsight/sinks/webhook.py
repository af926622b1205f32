"""Verdicts to a web server, by signed POST requests.

A request carries some verdicts, as many as the feeder hands over at once::

    POST URL
    Content-Type: application/json
    Idempotency-Key: SHA-256 of the body     the same rows again have the same key
    X-Partsight-Signature: t=1700000000,v1=HEX    see ``webhook_signature``

    {"verdicts": [{"id": ..., "seq": ..., "verdict": ..., ...}, ...]}

Any 2xx is the acknowledgement of all of them. Anything else is none, and the same verdicts come
again, perhaps with others behind them: receivers tell one that comes twice by its ``id``. That
holds for 4xx and redirects too, which people must mend: a wrong address must lose no verdict, so
they are tried again, but slowly. No redirect is followed: verdicts go where the configuration
says, and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from partsight.config.secret import read_secret
from partsight.connections.tls import tls_context
from partsight.errors import SinkUnavailable
from partsight.results.base import Row
from partsight.sinks.base import LineSink
from partsight.sinks.webhook_signature import SIGNATURE_HEADER, sign
from partsight.utils.imports import import_fault
from partsight.utils.known_secrets import HIDDEN, KnownSecrets
from partsight.utils.printable import printable
from partsight.utils.redaction import redact_address, redact_origin, redact_text

try:
    import urllib3

    from partsight.sinks.answer_deadline import AnswerDeadline
except ImportError as error:
    raise import_fault("a webhook", "urllib3", "partsight[webhook]", error) from error

if TYPE_CHECKING:
    from partsight.config.network_sinks import WebhookSinkConfig

__all__ = ["WebhookSink", "open_sink"]

# The server is well, it is just too busy; everything else below 500 is for people to mend.
_TRANSIENT = (408, 425, 429)
_REFUSED_RETRY_S = 60.0
# A server that asks for a longer wait, such as ten years, is mistaken.
_LONGEST_RETRY_S = 600.0
# Of an answer: what is read of it, to be told or to use the connection again.
_ANSWER_BYTES = 2048
_TOLD_LETTERS = 120


class WebhookSink:
    """A ``LineSink``. It keeps one connection for as long as the server does.

    Args:
        config: the address, the secret, and how long to wait.
        now: Unix seconds, for the signature.

    Raises:
        ConfigError: the secret or a certificate cannot be read.
    """

    def __init__(self, config: WebhookSinkConfig, *, now: Callable[[], float] = time.time) -> None:
        self._url, self._now = config.url, now
        # Not the path: where there is a token in it, it must not get into a log.
        self._place = redact_origin(config.url).removesuffix(f"/{HIDDEN}")
        self._path_secrets = _secrets_of_path(config.url)
        self._secret = read_secret("secret", config.secret_env, config.secret_file)
        if config.insecure:  # tls_context says so, once
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=1,
            retries=False,
            timeout=urllib3.Timeout(connect=config.timeout_s, read=config.timeout_s),
            ssl_context=tls_context(config, self._place),
        )
        # To connect, and to answer.
        self._limit_s = 2 * config.timeout_s
        self._deadline = AnswerDeadline(self._pool)

    def __enter__(self) -> WebhookSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.clear()

    def deliver(self, rows: Sequence[Row]) -> None:
        """POST rows in their order; see ``LineSink``."""
        body = json.dumps({"verdicts": [dict(row) for row in rows]}).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "partsight",
            "Idempotency-Key": hashlib.sha256(body).hexdigest(),
            SIGNATURE_HEADER: sign(self._secret, int(self._now()), body),
        }
        try:
            with self._deadline.within(self._limit_s):
                answer = self._posted(body, headers)
                told = self._hidden(_told(answer))
            if self._deadline.passed:  # headers that were cut look like ended ones
                raise TimeoutError
        except (urllib3.exceptions.HTTPError, OSError) as error:
            late = f"not within {self._limit_s:g} s" if self._deadline.passed else str(error)
            raise self._unavailable(f"no answer: {self._hidden(late)}") from error
        if not 200 <= answer.status < 300:
            raise self._refused(answer, told)

    def _posted(self, body: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        return self._pool.request(
            "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
        )

    def _hidden(self, text: str) -> str:
        """What a receiver or a library said, without secrets and what the address holds."""
        return self._path_secrets.hidden_in(redact_text(text))

    def report(self, status: Mapping[str, Any]) -> bool:
        """Send nothing: a webhook takes verdicts only."""
        return False

    def _refused(self, answer: urllib3.BaseHTTPResponse, told: str) -> SinkUnavailable:
        came = f"{answer.status} {told}".strip()
        if answer.status >= 500 or answer.status in _TRANSIENT:
            wait_s = _asked_for(answer.headers.get("Retry-After", ""))
            return self._unavailable(f"it answers {came}", wait_s)
        where = answer.headers.get("Location")
        mend = (
            f"it points to {self._hidden(redact_address(where))}"
            if where
            else "check url, secret and the receiver"
        )
        return self._unavailable(f"it refuses with {came}; {mend}", _REFUSED_RETRY_S)

    def _unavailable(self, reason: str, retry_after_s: float | None = None) -> SinkUnavailable:
        return SinkUnavailable(
            f"cannot POST verdicts to {self._place}: {reason}. Expected 2xx; the same verdicts are "
            "sent again.",
            retry_after_s=retry_after_s,
        )


def open_sink(config: WebhookSinkConfig) -> LineSink:
    """The sink for ``kind = "webhook"``."""
    return WebhookSink(config)


def _secrets_of_path(url: str) -> KnownSecrets:
    """What of an address a receiver or a library may quote, and must not be seen.

    Only in what is said of this sink: a path such as ``/verdicts`` is a word of many messages.
    """
    secrets, parts = KnownSecrets(), urlsplit(url)
    secrets.add(url)
    if parts.path.strip("/"):
        secrets.add(f"{parts.path}?{parts.query}" if parts.query else parts.path)
    for each in (*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))):
        secrets.add(each)
    return secrets


def _told(answer: urllib3.BaseHTTPResponse) -> str:
    """The start of an answer, on one line, and the connection free for the next request.

    One read: an answer without end, or one that drips, is not waited for.
    """
    start = answer.read1(_ANSWER_BYTES, decode_content=False)
    if answer.length_remaining:
        answer.close()
    answer.release_conn()
    text = printable(start.decode("utf-8", "replace"), " ")
    return " ".join(text.split())[:_TOLD_LETTERS]


def _asked_for(retry_after: str) -> float | None:
    """Seconds of a Retry-After; None for a date, which a clock that is wrong would misread."""
    asked = retry_after.strip()
    if not (asked.isascii() and asked.isdigit()):
        return None
    return min(float(asked), _LONGEST_RETRY_S)
