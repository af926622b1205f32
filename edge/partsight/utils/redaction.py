"""Addresses and messages without the secrets in them: the one place that decides what is hidden.

``redact_address`` takes an address as a user wrote it, ``redact_text`` a message that may quote
one. Both hide too much rather than too little, and change nothing in what they returned before.

    rtsp://***@camera:554/live?channel=1     user and password
    rtsp://camera/live?user=***&pwd=***      values of the query, unless the key is harmless
    rtsp://camera/***                        a path that holds credentials, from there on
    rtsp://***                               an address whose host cannot be told

Patterns do not know a password when they see it alone, as in an error of a library. Secrets that
this process has read are therefore remembered (``remember_secret``, ``remember_address``) and
hidden wherever they stand in a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from partsight.utils.known_secrets import HIDDEN, known_secrets, remember_secret

__all__ = [
    "HIDDEN",
    "redact_address",
    "redact_argument",
    "redact_origin",
    "redact_text",
    "redact_values",
    "remember_address",
    "remember_secret",
]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_END_OF_AUTHORITY = re.compile(r"[/\\?#]")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+(%[\w.~-]+)?\]|[\w.-]*)(:\d{1,5})?")
# Names of keys, and words of a path, after which a credential comes.
_CREDENTIAL = (
    r"(?:[a-z0-9]*[_-])*(?:"
    r"\w*(?:password|passwd|passphrase|pwd|token|secret|apikey|accesskey|credential|signature)s?"
    r"|user|username|userid|user-?id|usr|login\w*|account|pass|passwort|pw|psw|pin|key|auth|"
    r"authorization|session|sessionid|sid|sig|nonce|jwt|bearer)"
)
# Keys of a query that are shown, without their values.
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
_ASSIGNED = re.compile(
    rf"(?:(?<![A-Za-z0-9_-]){_CREDENTIAL}|(?<=[?&;])(?:u|p|code))\s*=\s*", re.IGNORECASE
)
# Keys of a query or path whose values tell streams apart, and how plain a value must be.
_HARMLESS = re.compile(
    "action|audio|bitrate|cam|camera|ch|channel|cmd|codec|compression|date|day|format|fps|framerate"
    "|h|height|latency|line|month|part|profile|proto|protocol|quality|rate|res|resolution|rotation"
    "|size|snap|stream|streamtype|subtype|tcp|tf-hub-format|timeout|transport|transportmode|type"
    "|udp|unicast|v|variant|version|video|videocodec|w|width|year",
    re.IGNORECASE,
)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9.,:x+-]{0,24}")
_DIGEST = re.compile(r"sha256=[0-9A-Fa-f]{64}")
# What services put into a path as the whole credential: UniFi's streams, Slack's webhooks, ...
_TOKEN = re.compile(
    r"(?=[A-Za-z]*\d)(?=(?:\d*[A-Za-z]){3})[A-Za-z0-9]{16,}|[A-Za-z0-9]{24,}"
    r"|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    r"|(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=(?:[A-Za-z_-]*\d){3})[\w-]{24,}"
)
_IN_TEXT = re.compile(rf"{_SCHEME.pattern}[^\s'\"<>]*")
# The same of an address that went through a path, which leaves one slash of two.
_ONE_SLASH = re.compile(
    r"(?<![A-Za-z0-9])((?:rtsps?|rtmps?|https?|ftps?|srt|mqtts?|s3|gs|hdfs):)(/(?!/)[^\s'\"<>]*)",
    re.IGNORECASE,
)
# An address that went through a path, which makes one slash of two, or that has no scheme.
_AS_PATH = re.compile(
    r"(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9+.-]*:/)(?!/)[^\s'\"<>]*@"
    r"|(?<![\w/.:@*-])((?://)?)[^\s:/@'\"<>]+:[^\s/@'\"<>]+@(?=[\w\[])"
)
_REQUEST = re.compile(r"(with url: )(\S+)")
_AUTHORIZATION = re.compile(r"\b(Basic|Bearer|Digest) (?=\S*[A-Z0-9=])[\w+/=.~,\"-]{6,}")
_ASSIGNED_VALUE = re.compile(
    rf"({_ASSIGNED.pattern})(?!\*{{3}}(?:\W|$))[^\s&'\",;)]+", re.IGNORECASE
)


def redact_address(address: str) -> str:
    """The address with every part hidden that may be a secret.

    Scheme, host, port, plain path and harmless keys of the query stay: they tell which source
    is meant. Where a reserved character was not percent-encoded, so that the parts cannot be
    told apart, all between ``://`` and the last ``@`` is hidden, or all after ``://``.

    Args:
        address: of a source, sink, proxy, bucket or download; a path; or a GStreamer pipeline.

    Returns:
        The address; hidden parts are ``***``. The result of an earlier call comes back as it is.
    """
    scheme = _SCHEME.match(address)
    if scheme is None:
        return _without_scheme(address)
    start, rest = scheme.group(), address[scheme.end() :]
    if start.lower() == "file://" and rest.startswith("/"):
        return address
    return start + _authority_on(rest)


def redact_origin(address: str) -> str:
    """As ``redact_address``, of scheme, host and port only: where the path is the credential."""
    shown = redact_address(address)
    scheme = _SCHEME.match(shown)
    if scheme is None:
        return HIDDEN
    end = _END_OF_AUTHORITY.search(shown, scheme.end())
    return shown if end is None else f"{shown[: end.start()]}/{HIDDEN}"


def redact_argument(word: str) -> str:
    """A word of a command line, such as an address or ``--option=ADDRESS``, without secrets."""
    option = re.match(r"--?[\w-]+=", word)
    start = option.end() if option else 0
    return redact_text(word[:start] + redact_address(word[start:]))


def redact_text(text: str) -> str:
    """A message of one or more lines without known secrets, credentials and secret addresses."""
    if not text:
        return text
    text = known_secrets.hidden_in(text)
    if "://" in text:
        text = _IN_TEXT.sub(_address_in_text, text)
    if ":/" in text:
        text = _ONE_SLASH.sub(_one_slash_in_text, text)
    if "@" in text:
        text = _AS_PATH.sub(lambda found: f"{found[1] or found[2] or ''}{HIDDEN}@", text)
    if "url: " in text:
        text = _REQUEST.sub(lambda found: found[1] + _tail(found[2]), text)
    if "=" in text:
        text = _ASSIGNED_VALUE.sub(rf"\1{HIDDEN}", text)
    return _AUTHORIZATION.sub(rf"\1 {HIDDEN}", text)


def redact_values(value: Any) -> Any:
    """``redact_text`` of every text in a JSON value; names of keys stay."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {key: redact_values(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redact_values(each) for each in value]
    return value


def remember_address(address: str) -> None:
    """Remember the passwords in an address, so that ``redact_text`` hides each wherever it is."""
    scheme = _SCHEME.search(address)
    rest = address[scheme.end() :] if scheme else address
    user_info, at, _ = rest.rpartition("@")
    # Not of "bucket/a:b/shot@2.png": the first part is no user.
    if at and ":" in _END_OF_AUTHORITY.split(user_info, maxsplit=1)[0]:
        password = user_info.partition(":")[2]
        remember_secret(password)
        # Of one that was not percent-encoded, libraries quote a part: "nonnumeric port: 'hun'".
        for part in _END_OF_AUTHORITY.split(password):
            remember_secret(part)
    for found in _ASSIGNED.finditer(rest):
        if re.match(r"u|login|account", found.group(), re.IGNORECASE) is None:
            remember_secret(re.split(r"[&\s;]", rest[found.end() :], maxsplit=1)[0])


def _authority_on(rest: str) -> str:
    """What follows ``://``."""
    end = _END_OF_AUTHORITY.search(rest)
    authority, tail = (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])
    _, at, after = rest.rpartition("@")
    if "@" in tail and not _ends_user_info(authority, tail):
        return HIDDEN
    return (f"{HIDDEN}@" if at else "") + _host_on(after)


def _ends_user_info(authority: str, tail: str) -> bool:
    """Whether an ``@`` behind "/", "?" or "#" can only be the end of user and password.

    They then hold a reserved character. Otherwise it may stand in the middle of a secret.
    """
    between, _, after = unquote(unquote(tail)).partition("@")
    return (
        "@" not in authority + after
        and _HOST.fullmatch(authority) is None
        and "=" not in between
        and _CREDENTIAL_WORD.search(between) is None
    )


def _host_on(text: str) -> str:
    """What follows the user and password: host, port, path, query, fragment."""
    end = _END_OF_AUTHORITY.search(text)
    host, tail = (text, "") if end is None else (text[: end.start()], text[end.start() :])
    return HIDDEN if _HOST.fullmatch(host) is None else host + _tail(tail)


def _tail(tail: str) -> str:
    """Path, query and fragment."""
    before, mark, fragment = tail.partition("#")
    path, question, query = before.partition("?")
    shown: list[str] = []
    for segment in path.split("/"):
        if _holds_credentials(unquote(unquote(segment))):
            return "/".join([*shown, HIDDEN])  # which may hold "/", "?" and "#" itself
        shown.append(HIDDEN if _TOKEN.search(segment) else segment)
    pairs = "&".join(_pair(each) for each in query.replace(";", "&").split("&"))
    digest = fragment if _DIGEST.fullmatch(fragment) or not fragment else HIDDEN
    return "/".join(shown) + question + pairs + mark + digest


def _holds_credentials(segment: str) -> bool:
    if ":" in segment or _CREDENTIAL_WORD.search(segment):
        return True
    return "=" in segment and any(
        _pair(each) != each for each in re.split(r"[&;_,]", segment) if "=" in each
    )


def _pair(pair: str) -> str:
    """A key of a query with its value."""
    key, equals, value = pair.partition("=")
    if _HARMLESS.fullmatch(key):
        plain = _PLAIN_VALUE.fullmatch(value) and not _TOKEN.search(value)
        return pair if plain else f"{key}={HIDDEN}"
    if equals and _SHOWN_KEY.fullmatch(key):
        return f"{key}={HIDDEN}"
    return HIDDEN if pair else ""


def _without_scheme(text: str) -> str:
    """A path, a camera's number, a pipeline, or an address that lacks its scheme."""
    before, at, after = text.rpartition("@")
    if text.startswith("//") and ":" in before:  # an address that lost its scheme
        return "//" + _authority_on(text[2:])
    if at and re.match(r"[^\s:]*:", before) and not text.startswith(("/", ".")):
        return f"{HIDDEN}@{_host_on(after)}"
    url, assigned = _SCHEME.search(text), _ASSIGNED.search(text)
    if url and (assigned is None or url.start() < assigned.start()):
        return text[: url.start()] + _pipeline_from(text[url.start() :], url.group())
    return text[: assigned.end()] + HIDDEN if assigned else text


def _pipeline_from(text: str, scheme: str) -> str:
    """A pipeline from its address on; after one with secrets, nothing else is shown."""
    found = _IN_TEXT.match(text)
    assert found is not None
    address, rest = found.group(), text[found.end() :]
    if "@" in rest:  # the password has a space
        return scheme + HIDDEN
    shown = redact_address(address)
    if shown == address:
        return shown + _without_scheme(rest)
    return f"{shown} {HIDDEN}" if rest.strip() else shown + rest


def _one_slash_in_text(found: re.Match[str]) -> str:
    return found[1] + _IN_TEXT.sub(_address_in_text, f"{found[1]}/{found[2]}")[len(found[1]) + 1 :]


def _address_in_text(found: re.Match[str]) -> str:
    address = found.group()
    bracket = "" if "[" in address else "]"  # which ends an IPv6 address
    end = len(address.rstrip(".,:;)}" + bracket))
    return redact_address(address[:end]) + address[end:]
