"""Secrets that this process has read, to be hidden in every message.

There is one set for the whole process, because a library may put a password into any error of any
thread. Secrets cannot be read out of it; it only removes them from texts.
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
# Shorter secrets are not hidden: messages would become unreadable.
_MIN_CHARACTERS = 3
# Shorter secrets are hidden as whole words only: "1234" may also occur in a digest.
_MIN_ANYWHERE_CHARACTERS = 6


# Environment variables that contain a secret by convention: of AWS, registries, brokers, ...
_SECRET_VARIABLE = re.compile(r"(?!PARTSIGHT_).*(PASSWORD|PASSWD|SECRET|TOKEN|_ACCESS_KEY)", re.I)


class KnownSecrets:
    """A thread-safe set of secrets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.variables: set[str] = set()

    def add(self, secret: str) -> None:
        """Hide a secret from now on, in every encoding in which it may occur."""
        with self._lock:
            new = {each for each in _forms(secret) if len(each) >= _MIN_CHARACTERS}
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
        """Forget all secrets. For tests."""
        with self._lock:
            self._forms, self._pattern, self.variables = set(), None, set()


known_secrets = KnownSecrets()


def remember_secret(secret: str) -> None:
    """Hide a secret in everything that this process writes from now on."""
    known_secrets.add(secret)


def remember_variable(name: str) -> None:
    """Do not pass this environment variable, which contains a secret, to child processes."""
    known_secrets.variables.add(name)


def remember_environment(environ: Mapping[str, str]) -> None:
    """Remember the secrets in environment variables that contain one by convention."""
    for name, value in environ.items():
        if _SECRET_VARIABLE.fullmatch(name):
            remember_secret(value)


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process that needs no secrets.

    Variables that contain a secret, by configuration or by convention, are removed, because any
    process of the same user can read the environment of another.
    """
    return {
        name: value
        for name, value in environ.items()
        if name not in known_secrets.variables and not _SECRET_VARIABLE.fullmatch(name)
    }


def _bounded(form: str) -> str:
    escaped = re.sub(r"%([0-9A-F]{2})", r"%(?i:\1)", re.escape(form))
    return escaped if len(form) >= _MIN_ANYWHERE_CHARACTERS else rf"(?<!\w){escaped}(?!\w)"


def _forms(secret: str) -> Iterator[str]:
    """The secret as it is written in addresses, in JSON and in Python's messages."""
    for plain in {secret, unquote(secret)}:
        yield plain
        yield from (quote(plain, safe=""), quote(plain), quote_plus(plain))
        yield json.dumps(plain)[1:-1]
        yield json.dumps(plain, ensure_ascii=False)[1:-1]
        yield repr(plain)[1:-1]
