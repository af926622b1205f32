"""A camera's web server: a stream of JPEGs, or one image per request.

The response decides which one it is, not the address. Used by ``capture_process``; anything else
is left to FFmpeg.
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

# Larger than the images of any camera.
_MOST_BYTES = 64 << 20
# Longest time of one image, from the request to its last byte.
_MOST_S = 10.0
_BLOCK = 1 << 16
# Characters that may be used in a URL unchanged.
_IN_URLS = "%:/?#[]@!$&'()*+,;=-._~"
_PAGES = frozenset({"text/html", "application/xhtml+xml", "application/json"})

# Errors of a request.
_FAILURES = (OSError, http.client.HTTPException, ValueError)


def open_http(address: str) -> MjpegCapture | SnapshotCapture | None:
    """Open a camera's stream or image; return None if FFmpeg must read the address.

    Args:
        address: ``http://`` or ``https://``, with user name and password if the camera needs them.

    Raises:
        SourceError: no answer, an error, or a web page.
    """
    site = _Site(address)
    asked_s = time.monotonic()
    try:
        # No timeout, since it would apply to the stream too: the parent kills this process.
        answer = site.ask(None)
        kind = answer.headers.get_content_type()
        if kind.startswith("multipart/"):
            boundary = str(answer.headers.get_param("boundary", ""))
            stream = MjpegCapture(parts(answer, boundary))
            stream.warning = site.warning
            return stream
        if kind.startswith("image/") or begins_as_image(answer.peek(_BLOCK)):
            first = _body(answer, asked_s + _MOST_S)
            return SnapshotCapture(site.picture, first, asked_s, warning=site.warning)
    except _FAILURES as error:
        raise SourceError(
            f"cannot be opened: {_reason(error)}. Check the address, the password and the network"
        ) from error
    answer.close()
    if kind in _PAGES:
        raise SourceError(
            f"the server answers with {kind}: expected a picture or a stream. It may be a login "
            "page: check the path, the user name and the password"
        )
    return None


class _Site:
    """Requests to one address.

    Attributes:
        warning: a warning about the connection, or empty.
    """

    def __init__(self, address: str) -> None:
        self.warning = ""
        try:
            split = urlsplit(address)
            host = split.netloc.rpartition("@")[2]
            self._login = _Login(split.scheme, split.hostname or "", split.username, split.password)
        except ValueError as error:
            raise SourceError(
                "cannot be opened: the address is malformed. Write special characters of user "
                "name and password as %XX"
            ) from error
        self._url = quote(split._replace(netloc=host, fragment="").geturl(), safe=_IN_URLS)
        self._context: ssl.SSLContext | None = None  # verifies certificates

    def ask(self, timeout_s: float | None) -> Any:
        """Send a request and return the open response."""
        try:
            return self._open(timeout_s)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ssl.SSLCertVerificationError):
                raise
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self.warning = (
            "the certificate of the camera cannot be verified, as with most cameras: the "
            "connection is encrypted, but the other end may be another device"
        )
        return self._open(timeout_s)

    def picture(self) -> bytes:
        """Return the bytes of one image.

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
            urllib.request.ProxyHandler({}),  # cameras are in the local network
            urllib.request.HTTPSHandler(context=self._context),
            self._login,
        )
        # A cached response would show an old part.
        request = urllib.request.Request(self._url, headers={"Cache-Control": "no-cache"})
        return opener.open(request) if timeout_s is None else opener.open(request, None, timeout_s)


class _Login(urllib.request.BaseHandler):
    """Answers one challenge, and only from the host that the password belongs to."""

    def __init__(self, scheme: str, host: str, user: str | None, password: str | None) -> None:
        self._scheme, self._host = scheme, host
        self._user, self._password = unquote(user or ""), unquote(password or "")

    def http_error_401(
        self, request: urllib.request.Request, response: Any, code: int, text: str, headers: Any
    ) -> Any:
        """Called by the opener; returning None makes it raise the error."""
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
    """Return a response's bytes, limited in size and time.

    Raises:
        SourceError: the response is too large or too slow.
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
    if isinstance(error, http.client.InvalidURL):  # its text contains the address
        return "the address is malformed"
    if isinstance(error, urllib.error.HTTPError) and error.code == http.client.UNAUTHORIZED:
        return "HTTP 401: the camera refuses the user name and password, or requires them"
    if isinstance(error, urllib.error.HTTPError) and 300 <= error.code < 400:
        # Its text contains the new address, which may have a password.
        loop = "infinite loop" in str(error)
        where = "in an infinite loop" if loop else "to an address without http:// or https://"
        return f"HTTP {error.code}: the server redirects {where}"
    if isinstance(error, TimeoutError):
        return f"no answer within {_MOST_S:g} s"
    return " ".join(str(error).split()) or type(error).__name__
