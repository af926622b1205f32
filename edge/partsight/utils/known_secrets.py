"""Secrets that this process has read, so that no message quotes them.

One set for the whole process: a library may put a password into any error of any thread, and a
scrubber that had to be passed to each place would be missing at one. Nothing is ever read out of
it; texts go in, and come out without secrets.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

__all__ = [
    "HIDDEN",
    "KnownSecrets",
    "known_secrets",
    "remember_environment",
    "remember_secret",
    "remember_variable",
    "without_secrets",
]

HIDDEN = "***"
# Shorter ones protect nothing, and hiding them would make messages unreadable.
_LEAST_CHARACTERS = 3
# Shorter ones are hidden as whole words only: "1234" is also part of a digest.
_ANYWHERE_CHARACTERS = 6


# Environment variables that hold a secret by convention: of AWS, registries, brokers, ...
_SECRET_VARIABLE = re.compile(r"(?!PARTSIGHT_).*(PASSWORD|PASSWD|SECRET|TOKEN|_ACCESS_KEY)", re.I)


class KnownSecrets:
    """A set of secrets; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.variables: set[str] = set()

    def add(self, secret: str) -> None:
        """Hide a secret from now on, in every form in which it is written."""
        with self._lock:
            new = {each for each in _forms(secret) if len(each) >= _LEAST_CHARACTERS}
            new -= {HIDDEN, *self._forms}
            if new:
                self._forms |= new
                longest_first = sorted(self._forms, key=len, reverse=True)
                self._pattern = re.compile("|".join(_bounded(each) for each in longest_first))

    def hidden_in(self, text: str) -> str:
        """The text with ``***`` in place of each secret."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(HIDDEN, text)

    def clear(self) -> None:
        """Forget all. For tests."""
        with self._lock:
            self._forms, self._pattern, self.variables = set(), None, set()


known_secrets = KnownSecrets()


def remember_secret(secret: str) -> None:
    """Have this process hide a secret in everything that it writes from now on."""
    known_secrets.add(secret)


def remember_variable(name: str) -> None:
    """Keep an environment variable that holds a secret from child processes."""
    known_secrets.variables.add(name)


def remember_environment(environ: Mapping[str, str]) -> None:
    """Remember the secrets that an environment holds by convention."""
    for name, value in environ.items():
        if _SECRET_VARIABLE.fullmatch(name):
            remember_secret(value)


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for child processes that need no secrets.

    Without the variables that the configuration names as holding one, and those that hold one by
    convention: any process of the same user may read the environment of another.
    """
    return {
        name: value
        for name, value in environ.items()
        if name not in known_secrets.variables and not _SECRET_VARIABLE.fullmatch(name)
    }


def _bounded(form: str) -> str:
    escaped = re.sub(r"%([0-9A-F]{2})", r"%(?i:\1)", re.escape(form))
    return escaped if len(form) >= _ANYWHERE_CHARACTERS else rf"(?<!\w){escaped}(?!\w)"


def _forms(secret: str) -> Iterator[str]:
    """The secret as addresses, JSON, and Python's messages have it."""
    for plain in {secret, unquote(secret)}:
        yield plain
        yield from (quote(plain, safe=""), quote(plain), quote_plus(plain))
        yield json.dumps(plain)[1:-1]
        yield json.dumps(plain, ensure_ascii=False)[1:-1]
        yield repr(plain)[1:-1]
