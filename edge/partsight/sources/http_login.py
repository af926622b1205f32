"""The ``Authorization`` header for a web server's challenges: Digest (RFC 7616), else Basic.

The standard library does not support SHA-256, reads only the first challenge, and raises for an
unknown scheme. Recent cameras send several challenges.
"""

from __future__ import annotations

import base64
import hashlib
import re
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["authorization"]

_CHALLENGE = re.compile(r"(?:^|,)\s*([A-Za-z]+)(?=\s+[A-Za-z-]+\s*=|\s*$)")
_Hash = Callable[[bytes], "hashlib._Hash"]
# Stronger ones first.
_HASHES: Mapping[str, _Hash] = {
    "SHA-256": hashlib.sha256,
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
}


def authorization(
    challenges: Iterable[str], method: str, target: str, user: str, password: str, cnonce: str
) -> str | None:
    """Answer a web server's challenges.

    Args:
        challenges: values of its ``WWW-Authenticate`` headers.
        method: of the request, such as ``GET``.
        target: path and query of the request.
        user: name of the account.
        password: of the account.
        cnonce: a random text, used only once.

    Returns:
        The header's value, or None if the server accepts neither Digest nor Basic.
    """
    found = [each for value in challenges for each in _challenges(value)]
    digests = [each for scheme, each in found if scheme == "digest" and _can_answer(each)]
    for name in _HASHES:
        for each in digests:
            if _algorithm(each)[0] == name:
                return _digest(each, method, target, user, password, cnonce)
    if any(scheme == "basic" for scheme, _ in found):
        token = base64.b64encode(f"{user}:{password}".encode())
        return f"Basic {token.decode('ascii')}"
    return None


def _challenges(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield scheme in lower case and parameters of each challenge in a header."""
    marks = list(_CHALLENGE.finditer(value))
    ends = [*(each.start() for each in marks[1:]), None]
    for mark, after in zip(marks, ends, strict=False):
        items = urllib.request.parse_http_list(value[mark.end() : after])
        pairs = (each.partition("=") for each in items)
        yield (
            mark[1].lower(),
            {name.strip().lower(): text.strip().strip('"') for name, _, text in pairs},
        )


def _algorithm(challenge: Mapping[str, str]) -> tuple[str, bool]:
    """Return the name of the hash, and whether it is a session variant."""
    name = challenge.get("algorithm", "MD5").upper()
    return name.removesuffix("-SESS"), name.endswith("-SESS")


def _can_answer(challenge: Mapping[str, str]) -> bool:
    return (
        _algorithm(challenge)[0] in _HASHES
        and {"realm", "nonce"} <= challenge.keys()
        and ("qop" not in challenge or "auth" in re.split(r"[\s,]+", challenge["qop"]))
    )


def _digest(
    challenge: Mapping[str, str], method: str, target: str, user: str, password: str, cnonce: str
) -> str:
    name, session = _algorithm(challenge)
    realm, nonce = challenge["realm"], challenge["nonce"]

    def hashed(*words: str) -> str:
        return _HASHES[name](":".join(words).encode()).hexdigest()

    a1 = hashed(user, realm, password)  # A1 and A2 as in RFC 7616, section 3.4
    if session:
        a1 = hashed(a1, nonce, cnonce)
    a2 = hashed(method, target)
    quoted = {"username": user, "realm": realm, "nonce": nonce, "uri": target}
    bare = {"algorithm": challenge["algorithm"]} if "algorithm" in challenge else {}
    if "qop" in challenge:
        bare |= {"qop": "auth", "nc": "00000001"}
        quoted["response"] = hashed(a1, nonce, bare["nc"], cnonce, "auth", a2)
    else:
        quoted["response"] = hashed(a1, nonce, a2)
    if "qop" in challenge or session:
        quoted["cnonce"] = cnonce
    if "opaque" in challenge:
        quoted["opaque"] = challenge["opaque"]
    fields = [f'{key}="{_escaped(text)}"' for key, text in quoted.items()]
    return "Digest " + ", ".join([*fields, *(f"{key}={text}" for key, text in bare.items())])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
