"""Hides credentials in the address of a source, sink, proxy, bucket or download.

    rtsp://***@camera:554/live?channel=1     user and password
    rtsp://camera/live?user=***&pwd=***      values of query keys that are not known to be harmless
    rtsp://camera/***                        a path from the first segment with credentials on
    rtsp://***                               an address whose host cannot be recognized

Used through ``partsight.utils.redaction``.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from partsight.utils.known_secrets import HIDDEN

__all__ = ["ASSIGNED", "END_OF_AUTHORITY", "IN_TEXT", "SCHEME", "hide_in_tail", "redact_address"]

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
END_OF_AUTHORITY = re.compile(r"[/\\?#]")
IN_TEXT = re.compile(rf"{SCHEME.pattern}[^\s'\"<>]*")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+(%[\w.~-]+)?\]|[\w.-]*)(:\d{1,5})?")
# Names of keys and words of a path that are followed by a credential.
_CREDENTIAL = (
    r"(?:[a-z0-9]*[_-])*(?:"
    r"\w*(?:password|passwd|passphrase|pwd|token|secret|apikey|accesskey|credential|signature)s?"
    r"|user|username|userid|user-?id|usr|login\w*|account|pass|passwort|pw|psw|pin|key|auth|"
    r"authorization|session|sessionid|sid|sig|nonce|jwt|bearer)"
)
ASSIGNED = re.compile(
    rf"(?:(?<![A-Za-z0-9_-]){_CREDENTIAL}|(?<=[?&;])(?:u|p|code))\s*=\s*", re.IGNORECASE
)
# Query keys that are shown without their values.
_SHOWN_KEY = re.compile(
    "user|username|usr|loginuse|u|password|passwd|pass|pwd|loginpas|p|token|access_token|key"
    "|api_?key|auth|secret|session|sid|sig|signature",
    re.IGNORECASE,
)
_CREDENTIAL_WORD = re.compile(
    r"password|passwd|passphrase|pwd|token|secret|api_?key|credential|signature"
    r"|(?<![a-z])(?:user|usr|pass|pin|key|auth|login|session|sid|sig)(?![a-z])"
    r"|^(?:admin|root|operator)$",  # cameras that take /live/USER/PASSWORD
    re.IGNORECASE,
)
# Keys whose values identify a stream, and the plain values for which they are shown.
_HARMLESS = re.compile(
    "action|audio|bitrate|cam|camera|ch|channel|cmd|codec|compression|date|day|format|fps|framerate"
    "|h|height|latency|line|month|part|profile|proto|protocol|quality|rate|res|resolution|rotation"
    "|size|snap|stream|streamtype|subtype|tcp|tf-hub-format|timeout|transport|transportmode|type"
    "|udp|unicast|v|variant|version|video|videocodec|w|width|year",
    re.IGNORECASE,
)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9.,:x+-]{0,24}")
_DIGEST = re.compile(r"sha256=[0-9A-Fa-f]{64}")
# Path segments that are credentials themselves: UniFi's streams, Slack's webhooks, ...
_TOKEN = re.compile(
    r"(?=[A-Za-z]*\d)(?=(?:\d*[A-Za-z]){3})[A-Za-z0-9]{16,}|[A-Za-z0-9]{24,}"
    r"|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    r"|(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=(?:[A-Za-z_-]*\d){3})[\w-]{24,}"
)


def redact_address(address: str) -> str:
    """The address with every component hidden that may be a secret.

    Scheme, host, port, plain path and harmless query keys stay, so that the source can be
    recognized. If a reserved character is not percent-encoded, so that the components cannot be
    separated, everything between ``://`` and the last ``@`` is hidden, or everything after ``://``.

    Args:
        address: of a source, sink, proxy, bucket or download; a path; or a GStreamer pipeline.

    Returns:
        The address with ``***`` in place of hidden components. Redacting it again changes nothing.
    """
    scheme = SCHEME.match(address)
    if scheme is None:
        return _redact_without_scheme(address)
    start, rest = scheme.group(), address[scheme.end() :]
    if start.lower() == "file://" and rest.startswith("/"):
        return address
    return start + _redact_after_scheme(rest)


def hide_in_tail(tail: str) -> str:
    """Path, query and fragment of an address without credentials."""
    before, mark, fragment = tail.partition("#")
    path, question, query = before.partition("?")
    shown: list[str] = []
    for segment in path.split("/"):
        if _holds_credentials(unquote(unquote(segment))):
            return "/".join([*shown, HIDDEN])  # the secret itself may contain "/", "?" and "#"
        shown.append(HIDDEN if _TOKEN.search(segment) else segment)
    pairs = "&".join(_redact_pair(each) for each in query.replace(";", "&").split("&"))
    digest = fragment if _DIGEST.fullmatch(fragment) or not fragment else HIDDEN
    return "/".join(shown) + question + pairs + mark + digest


def _redact_after_scheme(rest: str) -> str:
    end = END_OF_AUTHORITY.search(rest)
    authority, tail = (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])
    _, at, after = rest.rpartition("@")
    if "@" in tail and not _ends_user_info(authority, tail):
        return HIDDEN
    return (f"{HIDDEN}@" if at else "") + _redact_from_host(after)


def _ends_user_info(authority: str, tail: str) -> bool:
    """Whether an ``@`` after "/", "?" or "#" can only be the end of user and password.

    In that case the password contains a reserved character. Otherwise the ``@`` may be in the
    middle of a secret in the path, query or fragment.
    """
    between, _, after = unquote(unquote(tail)).partition("@")
    return (
        "@" not in authority + after
        and _HOST.fullmatch(authority) is None
        and "=" not in between
        and _CREDENTIAL_WORD.search(between) is None
    )


def _redact_from_host(text: str) -> str:
    """Host, port, path, query and fragment without credentials."""
    end = END_OF_AUTHORITY.search(text)
    host, tail = (text, "") if end is None else (text[: end.start()], text[end.start() :])
    return HIDDEN if _HOST.fullmatch(host) is None else host + hide_in_tail(tail)


def _holds_credentials(segment: str) -> bool:
    if ":" in segment or _CREDENTIAL_WORD.search(segment):
        return True
    return "=" in segment and any(
        _redact_pair(each) != each for each in re.split(r"[&;_,]", segment) if "=" in each
    )


def _redact_pair(pair: str) -> str:
    """A query key with its value."""
    key, equals, value = pair.partition("=")
    if _HARMLESS.fullmatch(key):
        plain = _PLAIN_VALUE.fullmatch(value) and not _TOKEN.search(value)
        return pair if plain else f"{key}={HIDDEN}"
    if equals and _SHOWN_KEY.fullmatch(key):
        return f"{key}={HIDDEN}"
    return HIDDEN if pair else ""


def _redact_without_scheme(text: str) -> str:
    """A path, a camera number, a pipeline, or an address without its scheme."""
    before, at, _ = text.rpartition("@")
    if text.startswith("//") and ":" in before:  # an address that lost its scheme
        return "//" + _redact_after_scheme(text[2:])
    if at and re.match(r"[^\s:]*:", before) and not text.startswith(("/", ".")):
        return _redact_after_scheme(text)
    url, assigned = SCHEME.search(text), ASSIGNED.search(text)
    if url and (assigned is None or url.start() < assigned.start()):
        return text[: url.start()] + _redact_pipeline(text[url.start() :], url.group())
    return text[: assigned.end()] + HIDDEN if assigned else text


def _redact_pipeline(text: str, scheme: str) -> str:
    """The end of a pipeline, from its address on; nothing after an address with secrets stays."""
    found = IN_TEXT.match(text)
    assert found is not None
    address, rest = found.group(), text[found.end() :]
    if "@" in rest:  # the password contains a space
        return scheme + HIDDEN
    shown = redact_address(address)
    if shown == address:
        return shown + _redact_without_scheme(rest)
    return f"{shown} {HIDDEN}" if rest.strip() else shown + rest
