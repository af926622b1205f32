"""Verdicts to a web server, by signed POST requests.

A request carries a batch of verdicts::

    POST URL
    Content-Type: application/json
    Idempotency-Key: SHA-256 of the body     repeated rows have the same key
    X-Partsight-Signature: t=1700000000,v1=HEX    see ``webhook_signature``

    {"verdicts": [{"id": ..., "seq": ..., "verdict": ..., ...}, ...]}

Any 2xx acknowledges all of them. After any other answer the same verdicts are sent again, perhaps
with more behind them: receivers recognize a duplicate by its ``id``. This includes 4xx and
redirects, which a person must fix: a wrong address must not lose verdicts, so they are tried
again, but slowly. 400, 413 and 422 refuse the content: the batch is halved until the row that the
receiver does not take is found, see ``refusals``. Redirects are not followed: verdicts go only to
the configured address.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from partsight.config.secret import read_secret
from partsight.connections.tls import tls_context
from partsight.errors import OutputError, RowRefused, SinkUnavailable
from partsight.results.base import Row
from partsight.sinks.base import LineSink
from partsight.sinks.webhook_signature import SIGNATURE_HEADER, sign
from partsight.utils.imports import import_fault
from partsight.utils.known_secrets import HIDDEN, KnownSecrets
from partsight.utils.redaction import redact_address, redact_origin
from partsight.utils.remote_text import remote_text

try:
    import urllib3

    from partsight.sinks.answer_deadline import AnswerDeadline
except ImportError as error:
    raise import_fault("a webhook", "urllib3", "partsight[webhook]", error) from error

if TYPE_CHECKING:
    from partsight.config.network_sinks import WebhookSinkConfig

__all__ = ["WebhookSink", "open_sink"]

# The content of at least one row is refused, or the request is too large.
_ROW_REFUSED = (400, 413, 422)
# The server is only busy; all other statuses below 500 are for a person to fix.
_TRANSIENT = (408, 425, 429)
_REFUSED_RETRY_S = 60.0
# Longest accepted Retry-After; a longer one, such as ten years, is a mistake.
_LONGEST_RETRY_S = 600.0
# Bytes read of an answer.
_ANSWER_BYTES = 2048
# Characters of a header that are searched for secrets; a message shows fewer.
_LOCATION_EXAMINED = 2000


class WebhookSink(AbstractContextManager["WebhookSink"]):
    """A ``LineSink``. It keeps one connection open as long as the server does.

    Args:
        config: address, secret and timeout.
        now: Unix seconds, for the signature.

    Raises:
        ConfigError: the secret or a certificate cannot be read.
    """

    def __init__(self, config: WebhookSinkConfig, *, now: Callable[[], float] = time.time) -> None:
        self._url, self._now = config.url, now
        # Without the path, which may contain a token that must not be logged.
        self._place = redact_origin(config.url).removesuffix(f"/{HIDDEN}")
        self._path_secrets = _secrets_of_path(config.url)
        self._secret = read_secret("secret", config.secret_env, config.secret_file)
        if config.insecure:  # tls_context logs it once
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=1,
            retries=False,
            timeout=urllib3.Timeout(connect=config.timeout_s, read=config.timeout_s),
            ssl_context=tls_context(config, self._place),
        )
        # One timeout to connect, one to answer.
        self._limit_s = 2 * config.timeout_s
        self._deadline = AnswerDeadline(self._pool)

    def __exit__(self, *error: object) -> None:
        self._pool.clear()

    def deliver(self, rows: Sequence[Row]) -> int:
        """POST rows in their order; see ``LineSink``."""
        # NaN is not JSON; it raises ValueError.
        body = json.dumps({"verdicts": [dict(row) for row in rows]}, allow_nan=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "partsight",
            "Idempotency-Key": hashlib.sha256(body).hexdigest(),
            SIGNATURE_HEADER: sign(self._secret, int(self._now()), body),
        }
        try:
            with self._deadline.within(self._limit_s):
                answer = self._posted(body, headers)
                text = self._shown(_start_of(answer))
            if self._deadline.passed:  # headers of a closed connection look complete
                raise TimeoutError
        except (urllib3.exceptions.HTTPError, OSError) as error:
            reason = f"not within {self._limit_s:g} s" if self._deadline.passed else str(error)
            raise self._unavailable(f"no answer: {self._shown(reason)}") from error
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, text)
        return len(rows)

    def _posted(self, body: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        return self._pool.request(
            "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
        )

    def _shown(self, text: str) -> str:
        """Return a text of the receiver or a library, without parts of the address."""
        return remote_text(self._path_secrets.hidden_in(text))

    def report(self, status: Mapping[str, Any]) -> bool:
        """Send nothing: a webhook takes verdicts only."""
        return False

    def _refusal(self, answer: urllib3.BaseHTTPResponse, text: str) -> OutputError:
        received = f"{answer.status} {text}".strip()
        if answer.status in _ROW_REFUSED:
            return RowRefused(f"{self._place} answers {received}")
        if answer.status >= 500 or answer.status in _TRANSIENT:
            wait_s = _retry_after_s(answer.headers.get("Retry-After", ""))
            return self._unavailable(f"the server answers {received}", wait_s)
        location = answer.headers.get("Location")
        advice = (
            f"the answer points to {self._shown(redact_address(location[:_LOCATION_EXAMINED]))}"
            if location
            else "check url, secret and the receiver"
        )
        return self._unavailable(f"the server refuses with {received}; {advice}", _REFUSED_RETRY_S)

    def _unavailable(self, reason: str, retry_after_s: float | None = None) -> SinkUnavailable:
        return SinkUnavailable(
            f"cannot POST verdicts to {self._place}: {reason}. Expected 2xx; the same verdicts are "
            "sent again.",
            retry_after_s=retry_after_s,
        )


def open_sink(config: WebhookSinkConfig) -> LineSink:
    """Return the sink for ``kind = "webhook"``."""
    return WebhookSink(config)


def _secrets_of_path(url: str) -> KnownSecrets:
    """Return the parts of an address that must be redacted in messages of this sink.

    Not in other messages: a path such as ``/verdicts`` is a common word.
    """
    secrets, parts = KnownSecrets(), urlsplit(url)
    secrets.add(url)
    if parts.path.strip("/"):
        secrets.add(f"{parts.path}?{parts.query}" if parts.query else parts.path)
    for each in (*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))):
        secrets.add(each)
    return secrets


def _start_of(answer: urllib3.BaseHTTPResponse) -> str:
    """Return the start of an answer, and release the connection.

    It is read once, so that an endless or slow answer does not block.
    """
    start = answer.read1(_ANSWER_BYTES, decode_content=False)
    if answer.length_remaining:
        answer.close()
    answer.release_conn()
    return start.decode("utf-8", "replace")


def _retry_after_s(header: str) -> float | None:
    """Return the seconds of a Retry-After header; None for a date, which needs a correct clock."""
    text = header.strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(float(text), _LONGEST_RETRY_S)
