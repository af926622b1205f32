"""Host names, URLs and MQTT topics: refused in the configuration if they can never work."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

__all__ = ["Host", "TopicFilter", "Url", "is_loopback"]

# RFC 1123, with the underscores that networks of plants have.
_LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
_NAME = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?")


def _host(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if _NAME.fullmatch(text) is None or text.replace(".", "").isdecimal():
            raise ValueError(
                "must be a host name or IP address without scheme, port, user and path; the port "
                "has a key of its own"
            ) from None
    return text


def _url(text: str) -> str:
    """Check what urlsplit only checks on use, and what no URL may hold unescaped."""
    if "@" in text.partition("://")[2].partition("?")[0]:
        raise ValueError("must not contain user and password: the signature identifies the sender")
    if "#" in text:
        raise ValueError("must not contain #, which is not sent; write %23")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:  # its text may quote a secret
        raise ValueError("is not a usable URL: the port must be a number up to 65535") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("must start with https:// and a host")
    if port == 0:
        raise ValueError("needs a port from 1 to 65535")
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError("must not contain spaces and control characters; write %20")
    _host(host)
    return text


def _topic_filter(text: str) -> str:
    """MQTT 5, section 4.7: # stands alone at the end, + alone in its level."""
    *levels, last = text.split("/")
    alone = all(level == "+" or not set("+#") & set(level) for level in levels)
    if not alone or not (last in ("+", "#") or not set("+#") & set(last)) or "\x00" in text:
        raise ValueError(
            "is not a topic filter: # must be the last level, and + must fill its level, as in "
            "cell/+/part or cell/#"
        )
    if len(text.encode()) > 65535:
        raise ValueError("is longer than 65535 bytes")
    return text


Host = Annotated[str, Field(min_length=1), AfterValidator(_host)]
Url = Annotated[str, Field(min_length=1), AfterValidator(_url)]
TopicFilter = Annotated[str, Field(min_length=1), AfterValidator(_topic_filter)]


def is_loopback(host: str) -> bool:
    """Whether an address or name is that of this device itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
