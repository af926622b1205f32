"""Secrets: the configuration names an environment variable or a file that holds them.

A secret is read when a source, sink or trigger is opened, so a new one is used without a restart.
Each secret that was read is hidden in everything that this process writes afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from partsight.config.redaction import shown
from partsight.errors import ConfigError
from partsight.utils.known_secrets import remember_secret, remember_variable
from partsight.utils.text_files import read_text

__all__ = ["at_most_one", "optional_secret", "read_secret", "no_second_secret"]


def read_secret(
    what: str, env: str | None, file: Path | None, environ: Mapping[str, str] = os.environ
) -> str:
    """Read a secret from an environment variable or from a file.

    Args:
        what: name in the configuration, before ``_env`` and ``_file``.
        env: environment variable that holds the secret.
        file: file that holds the secret. A byte order mark, and spaces and line ends at the end,
            are ignored: editors add them.
        environ: environment variables.

    Raises:
        ConfigError: both or neither are given, or the variable or file is empty or missing.
    """
    at_most_one(what, env, file)
    if env is not None:
        remember_variable(env)
        name = shown(f"{what}_env", env)
        secret, place = environ.get(env, ""), f"the environment variable {name}"
    elif file is not None:
        secret, place = _content(what, file), str(file)
    else:
        raise ConfigError(
            f"{what} is not given: expected {what}_env, the name of an environment variable, or "
            f"{what}_file, a file that holds it. Received neither."
        )
    if not secret:
        raise ConfigError(f"cannot read {what}: {place} is empty or not set. Put the secret there.")
    remember_secret(secret)
    return secret


def optional_secret(
    what: str, env: str | None, file: Path | None, environ: Mapping[str, str] = os.environ
) -> str | None:
    """As ``read_secret``, but None if neither is given."""
    if env is None and file is None:
        return None
    return read_secret(what, env, file, environ)


def at_most_one(what: str, env: str | None, file: Path | None) -> None:
    """Refuse a secret that is given twice.

    Raises:
        ConfigError: both are given.
    """
    if env is not None and file is not None:
        raise ConfigError(
            f"{what} is given twice: expected {what}_env or {what}_file. Received both; remove one."
        )


def _content(what: str, file: Path) -> str:
    secret = None
    try:
        secret = read_text(file).rstrip()
    except OSError as error:
        raise ConfigError(
            f"cannot read {what} from {file}: {error.strerror}. Name a file that this user can "
            "read."
        ) from error
    except ValueError:
        pass  # not chained: the error may quote bytes of the secret
    if secret is None or any(character in secret for character in "\n\r\0"):
        raise ConfigError(
            f"cannot read {what} from {file}: expected one line of text in UTF-8 or UTF-16. Put "
            "only the secret into the file."
        )
    return secret


def no_second_secret(what: str, env: str | None, file: Path | None) -> None:
    """Refuse a secret that is given twice, as ``at_most_one``, with an error for pydantic."""
    try:
        at_most_one(what, env, file)
    except ConfigError as error:
        raise ValueError(str(error)) from error
