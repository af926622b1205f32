"""A camera's web server: a stream of JPEGs, or one picture per request.

Which of them an address gives is told by the response, not by its name. Used by
``capture_process``, in a process that can be killed; what is neither is left to FFmpeg.
"""

from __future__ import annotations

import http.client
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from partsight.errors import SourceError
from partsight.sources.http_login import authorization
from partsight.sources.mjpeg import MjpegCapture
from partsight.sources.multipart import parts
from partsight.sources.snapshot import SnapshotCapture, begins_as_image

__all__ = ["open_http"]

# No camera sends larger pictures.
_MOST_BYTES = 64 << 20
# The longest that one picture may take, from the request to its last byte.
_MOST_S = 10.0
_BLOCK = 1 << 16
# What may stand in a URL as it is.
_IN_URLS = "%:/?#[]@!$&'()*+,;=-._~"
_PAGES = frozenset({"text/html", "application/xhtml+xml", "application/json"})

# Errors of a request, with no address in their texts.
_FAILURES = (OSError, http.client.HTTPException, ValueError)


def open_http(address: str) -> MjpegCapture | SnapshotCapture | None:
    """Ask a camera for its stream or picture; None where FFmpeg is to read the address.

    Args:
        address: ``http://`` or ``https://``, with user name and password if the camera asks.

    Raises:
        SourceError: nobody answers, or with an error or a web page.
    """
    site = _Site(address)
    asked_s = time.monotonic()
    try:
        # Without a time-out, which a stream would keep: whoever started this process kills it.
        answer = site.ask(None)
        kind = answer.headers.get_content_type()
        if kind.startswith("multipart/"):
            boundary = str(answer.headers.get_param("boundary", ""))
            stream = MjpegCapture(parts(answer, boundary))
            stream.doubt = site.doubt
            return stream
        if kind.startswith("image/") or begins_as_image(answer.peek(_BLOCK)):
            first = _body(answer, asked_s + _MOST_S)
            return SnapshotCapture(site.picture, first, asked_s, doubt=site.doubt)
    except _FAILURES as error:
        raise SourceError(
            f"it cannot be opened: {_reason(error)}. Check the address, the password and the "
            "network"
        ) from error
    answer.close()
    if kind in _PAGES:
        raise SourceError(
            f"it answers with {kind}: expected a picture or a stream. It may be the page where "
            "one logs in: check the path, the user name and the password"
        )
    return None


class _Site:
    """Requests to one address.

    Attributes:
        doubt: what the user should know of the connection, or nothing.
    """

    def __init__(self, address: str) -> None:
        self.doubt = ""
        try:
            split = urlsplit(address)
            host = split.netloc.rpartition("@")[2]
            self._login = _Login(split.scheme, split.hostname or "", split.username, split.password)
        except ValueError as error:
            raise SourceError(
                "it cannot be opened: the address is malformed. Write special characters of user "
                "name and password as %XX"
            ) from error
        self._url = quote(split._replace(netloc=host, fragment="").geturl(), safe=_IN_URLS)
        self._context: ssl.SSLContext | None = None  # verifies certificates

    def ask(self, timeout_s: float | None) -> Any:
        """The response to a request, opened."""
        try:
            return self._open(timeout_s)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ssl.SSLCertVerificationError):
                raise
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self.doubt = (
            "its certificate cannot be verified, as with most cameras: the connection is encrypted "
            "but may be to another device"
        )
        return self._open(timeout_s)

    def picture(self) -> bytes:
        """One picture's bytes.

        Raises:
            SourceError: there is none, with the reason.
        """
        deadline_s = time.monotonic() + _MOST_S
        try:
            return _body(self.ask(_MOST_S), deadline_s)
        except _FAILURES as error:
            raise SourceError(_reason(error)) from error

    def _open(self, timeout_s: float | None) -> Any:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # a camera stands beside the device
            urllib.request.HTTPSHandler(context=self._context),
            self._login,
        )
        # A response out of some cache would be an old part.
        request = urllib.request.Request(self._url, headers={"Cache-Control": "no-cache"})
        return opener.open(request) if timeout_s is None else opener.open(request, None, timeout_s)


class _Login(urllib.request.BaseHandler):
    """Answers a challenge once, and only that of the host which the password is for."""

    def __init__(self, scheme: str, host: str, user: str | None, password: str | None) -> None:
        self._scheme, self._host = scheme, host
        self._user, self._password = unquote(user or ""), unquote(password or "")

    def http_error_401(
        self, request: urllib.request.Request, response: Any, code: int, text: str, headers: Any
    ) -> Any:
        """As the opener calls it; None has it raise the error."""
        where = urlsplit(request.full_url)
        same = where.hostname == self._host and where.scheme in (self._scheme, "https")
        if not (same and self._user) or request.has_header("Authorization"):
            return None
        challenges = headers.get_all("WWW-Authenticate", [])
        value = authorization(
            challenges,
            request.get_method(),
            request.selector,
            self._user,
            self._password,
            secrets.token_hex(8),
        )
        if value is None:
            return None
        response.close()
        request.add_unredirected_header("Authorization", value)
        return self.parent.open(request, timeout=request.timeout)


def _body(answer: Any, deadline_s: float, clock: Callable[[], float] = time.monotonic) -> bytes:
    """A response's bytes, limited in size and time.

    Raises:
        SourceError: it is too large or too slow.
    """
    blocks: list[bytes] = []
    size = 0
    with answer:
        while block := answer.read1(_BLOCK):
            blocks.append(block)
            size += len(block)
            if size > _MOST_BYTES:
                raise SourceError(f"the picture is larger than {_MOST_BYTES >> 20} MiB")
            if clock() > deadline_s:
                raise SourceError(f"the picture did not end within {_MOST_S:g} s")
    return b"".join(blocks)


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.InvalidURL):  # its text has the address in it
        return "the address is malformed"
    if isinstance(error, urllib.error.HTTPError) and error.code == http.client.UNAUTHORIZED:
        return "HTTP 401: the camera does not take the user name and password, or asks for them"
    if isinstance(error, urllib.error.HTTPError) and 300 <= error.code < 400:
        # Its text has the new address in it, and that may have a password.
        loop = "infinite loop" in str(error)
        where = "in an infinite loop" if loop else "to what is neither http:// nor https://"
        return f"HTTP {error.code}: it redirects {where}"
    if isinstance(error, TimeoutError):
        return f"no answer within {_MOST_S:g} s"
    return " ".join(str(error).split()) or type(error).__name__
