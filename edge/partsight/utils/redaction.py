"""Hides secrets in addresses and messages: all other modules call this one.

``redact_address`` takes an address as the user wrote it, ``redact_text`` a message that may quote
one. Both hide too much rather than too little, and leave their own results unchanged.

Patterns cannot recognize a password on its own, as in an error of a library. Secrets that this
process has read are therefore remembered (``remember_secret``, ``remember_address``) and hidden
wherever they occur in a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from partsight.utils.known_secrets import HIDDEN, known_secrets, remember_secret
from partsight.utils.redacted_address import (
    ASSIGNED,
    END_OF_AUTHORITY,
    IN_TEXT,
    SCHEME,
    hide_in_tail,
    redact_address,
)

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

# An address whose "//" became "/", as in a path.
_ONE_SLASH = re.compile(
    r"(?<![A-Za-z0-9])((?:rtsps?|rtmps?|https?|ftps?|srt|mqtts?|s3|gs|hdfs):)(/(?!/)[^\s'\"<>]*)",
    re.IGNORECASE,
)
# The same, or an address without a scheme.
_AS_PATH = re.compile(
    r"(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9+.-]*:/)(?!/)[^\s'\"<>]*@"
    r"|(?<![\w/.:@*-])((?://)?)[^\s:/@'\"<>]+:[^\s/@'\"<>]+@(?=[\w\[])"
)
_REQUEST = re.compile(r"(with url: )(\S+)")
_AUTHORIZATION = re.compile(r"\b(Basic|Bearer|Digest) (?=\S*[A-Z0-9=])[\w+/=.~,\"-]{6,}")
_ASSIGNED_VALUE = re.compile(
    rf"({ASSIGNED.pattern})(?!\*{{3}}(?:\W|$))[^\s&'\",;)]+", re.IGNORECASE
)


def redact_origin(address: str) -> str:
    """Scheme, host and port of an address, for addresses whose path is a credential."""
    shown = redact_address(address)
    scheme = SCHEME.match(shown)
    if scheme is None:
        return HIDDEN
    end = END_OF_AUTHORITY.search(shown, scheme.end())
    return shown if end is None else f"{shown[: end.start()]}/{HIDDEN}"


def redact_argument(word: str) -> str:
    """One command line argument, such as an address or ``--option=ADDRESS``, without secrets."""
    option = re.match(r"--?[\w-]+=", word)
    start = option.end() if option else 0
    return redact_text(word[:start] + redact_address(word[start:]))


def redact_text(text: str) -> str:
    """A message without known secrets, credentials and secret addresses."""
    if not text:
        return text
    text = known_secrets.hidden_in(text)
    if "://" in text:
        text = IN_TEXT.sub(_redact_match, text)
    if ":/" in text:
        text = _ONE_SLASH.sub(_redact_one_slash, text)
    if "=" in text:  # before user info is hidden: an assigned value may contain ":" and "@"
        text = _ASSIGNED_VALUE.sub(rf"\1{HIDDEN}", text)
    if "@" in text:
        text = _AS_PATH.sub(lambda found: f"{found[1] or found[2] or ''}{HIDDEN}@", text)
    if "url: " in text:
        text = _REQUEST.sub(lambda found: found[1] + hide_in_tail(found[2]), text)
    return _AUTHORIZATION.sub(rf"\1 {HIDDEN}", text)


def redact_values(value: Any) -> Any:
    """A JSON value with ``redact_text`` applied to each string except the keys of objects."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {key: redact_values(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redact_values(each) for each in value]
    return value


def remember_address(address: str) -> None:
    """Remember the passwords in an address, so that ``redact_text`` hides them everywhere."""
    scheme = SCHEME.search(address)
    rest = address[scheme.end() :] if scheme else address
    user_info, at, _ = rest.rpartition("@")
    # "bucket/a:b/shot@2.png" has no user: its first component has no colon.
    if at and ":" in END_OF_AUTHORITY.split(user_info, maxsplit=1)[0]:
        password = user_info.partition(":")[2]
        remember_secret(password)
        # Libraries quote a fragment of an unencoded password: "nonnumeric port: 'hun'".
        for fragment in END_OF_AUTHORITY.split(password):
            remember_secret(fragment)
    for found in ASSIGNED.finditer(rest):
        if re.match(r"u|login|account", found.group(), re.IGNORECASE) is None:
            remember_secret(re.split(r"[&\s;]", rest[found.end() :], maxsplit=1)[0])


def _redact_one_slash(found: re.Match[str]) -> str:
    """Redact an address with one slash of two, found in a text."""
    return found[1] + IN_TEXT.sub(_redact_match, f"{found[1]}/{found[2]}")[len(found[1]) + 1 :]


def _redact_match(found: re.Match[str]) -> str:
    """Redact an address found in a text, without the punctuation that follows it."""
    address = found.group()
    bracket = "" if "[" in address else "]"  # "]" may end an IPv6 address
    end = len(address.rstrip(".,:;)}" + bracket))
    return redact_address(address[:end]) + address[end:]
