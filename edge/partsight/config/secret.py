"""Secrets, which never stand in the configuration: it names an environment variable or a file.

Enters: the name of one of them. Leaves: the text. Asked by what opens sinks and triggers, when
they are opened, so that a secret that was renewed is used without a restart.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from partsight.errors import ConfigError

__all__ = ["at_most_one", "optional_secret", "read_secret"]


def read_secret(
    what: str, env: str | None, file: Path | None, environ: Mapping[str, str] = os.environ
) -> str:
    """Read a secret from an environment variable or from a file.

    Args:
        what: its name in the configuration, before ``_env`` and ``_file``.
        env: the variable that holds it.
        file: the file that holds it; a newline at its end is no part of it.
        environ: where the variable is looked up.

    Raises:
        ConfigError: both or neither are named, or there is nothing in what is named.
    """
    at_most_one(what, env, file)
    if env is not None:
        secret, place = environ.get(env, ""), f"the environment variable {env}"
    elif file is not None:
        secret, place = _content(what, file), str(file)
    else:
        raise ConfigError(
            f"{what} is not given: expected {what}_env, the name of an environment variable, or "
            f"{what}_file, a file that holds it. Received neither."
        )
    if not secret:
        raise ConfigError(f"cannot read {what}: {place} is empty or not set. Put the secret there.")
    return secret


def optional_secret(
    what: str, env: str | None, file: Path | None, environ: Mapping[str, str] = os.environ
) -> str | None:
    """As ``read_secret``, but None where neither is named."""
    if env is None and file is None:
        return None
    return read_secret(what, env, file, environ)


def at_most_one(what: str, env: str | None, file: Path | None) -> None:
    """Refuse a secret that is named twice.

    Raises:
        ConfigError: it is.
    """
    if env is not None and file is not None:
        raise ConfigError(
            f"{what} is given twice: expected {what}_env or {what}_file. Received both; take one "
            "away."
        )


def _content(what: str, file: Path) -> str:
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "expected a text in UTF-8"
        raise ConfigError(
            f"cannot read {what} from {file}: {reason}. Name a file that this user can read."
        ) from error
