"""User and password inside an address."""

from __future__ import annotations

import re
from urllib.parse import quote

from partsight.errors import ConfigError
from partsight.utils.redaction import redact_address, remember_secret

__all__ = ["has_own_credentials", "require_usable", "with_credentials"]

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_RESERVED = re.compile(r"[/?#\\]")
# In user and password: brackets, spaces, controls, and a percent sign that encodes nothing.
_UNENCODED = re.compile(r"[\[\]\s\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})")
_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d{0,5})?")
_NOT_OVER_A_NETWORK = ("file",)


def with_credentials(address: str, username: str, password: str | None) -> str:
    """Insert user and password, percent-encoded, into an address without them."""
    scheme, separator, rest = address.partition("://")
    user_info = quote(username, safe="")
    if password is not None:
        remember_secret(password)
        user_info += ":" + quote(password, safe="")
    return f"{scheme}{separator}{user_info}@{rest}"


def require_usable(address: str, username: str | None = None) -> None:
    """Refuse an address in which the end of user and password is ambiguous.

    Args:
        address: address of a source; paths and camera numbers are checked only with a username.
        username: ``username`` of ``[source]``.

    Raises:
        ConfigError: a reserved character is not percent-encoded, or a username is given for a
            source that takes none or has one in its address. No message quotes a secret.
    """
    found = _ADDRESS.fullmatch(address)
    if username is not None:
        _require_no_other(address, found)
    if found is None or found[1].lower() in _NOT_OVER_A_NETWORK:
        return
    before, hash_sign, _ = address.partition("#")
    if hash_sign and "@" not in address and redact_address(before) == before:
        raise ConfigError(
            f"the address {redact_address(address)} has a # after its host: the # and the text "
            "after it are never sent to a camera. Write # as %23 if it belongs to the path, the "
            "query or a password; otherwise remove it."
        )
    if _is_ambiguous(found[2]):
        raise ConfigError(
            f"the address {redact_address(address)} has a reserved character in its user or "
            "password that is not percent-encoded. Write # as %23, / as %2F, ? as %3F, [ as %5B, "
            "] as %5D, @ as %40, % as %25, a space as %20 (@ as %40 also in path and query), or "
            "give them in [source] as username and password_file or password_env."
        )


def _require_no_other(address: str, found: re.Match[str] | None) -> None:
    if found is None or found[1].lower() in _NOT_OVER_A_NETWORK:
        raise ConfigError(
            f"username is for cameras with an rtsp:// or http:// address. Received the source "
            f"{redact_address(address)}, which has no login. Remove username and password."
        )
    if "@" in found[2]:
        raise ConfigError(
            f"user and password are given twice: in the address {redact_address(address)} and as "
            "username. Remove them from the address."
        )


def _is_ambiguous(rest: str) -> bool:
    """Whether the text after ``://`` has a character in user or password that would end them."""
    end = _RESERVED.search(rest)
    authority, tail = (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])
    user_info, at, host = authority.rpartition("@")
    if at and _UNENCODED.search(user_info):
        return True
    if "#" in tail:
        return True  # a fragment is never sent to a camera
    if "@" not in tail:
        return False
    if not at and _PORT.fullmatch(host) is None:
        return True  # "user:p" of "user:p#ss@host"
    before_query, _, query = tail.partition("?")
    # A mail address in a value of the query is not a user: ...?user=me@example.com
    return "@" in before_query or _has_at_outside_of_a_value(query)


def _has_at_outside_of_a_value(query: str) -> bool:
    return any("@" in pair.partition("=")[0] for pair in query.split("&"))


def has_own_credentials(address: str) -> bool:
    """Whether configured credentials do not apply: a file, a camera number, or an own user."""
    found = _ADDRESS.fullmatch(address)
    return found is None or found[1].lower() in _NOT_OVER_A_NETWORK or "@" in found[2]
