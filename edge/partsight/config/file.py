"""``partsight.toml``: read, check and write the file."""

from __future__ import annotations

from pathlib import Path

import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import TOMLKitError

from partsight.config.document import Config
from partsight.config.explain import explained
from partsight.config.settings import settings_of
from partsight.errors import ConfigError
from partsight.utils.files import rewrite_atomic
from partsight.utils.known_secrets import remember_variable
from partsight.utils.redaction import remember_address
from partsight.utils.text_files import read_text

__all__ = ["read_config", "save_choice"]


def read_config(path: Path) -> Config:
    """Read and check a configuration file; its relative paths start at its folder.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or has an unknown key or a wrong value.
    """
    context = {"folder": path.absolute().parent}
    try:
        config = Config.model_validate(_parsed(path).unwrap(), context=context)
    except ValidationError as error:
        # Not "from error": the message of pydantic quotes values, which may be secrets.
        raise ConfigError(f"{path} is wrong: {explained(error, Config)}") from None
    _remember_secrets(config)
    return config


def _remember_secrets(config: Config) -> None:
    """Keep passwords of addresses out of messages, and secrets out of child processes."""
    for setting in settings_of(config):
        if isinstance(setting.value, str):
            if setting.name.endswith("_env"):
                remember_variable(setting.value)
            elif "://" in setting.value:
                remember_address(setting.value)


def save_choice(path: Path, runtime: str, threads: int) -> None:
    """Write runtime and threads into a configuration; other keys and comments stay.

    Raises:
        ConfigError: the existing file cannot be read.
        OutputError: the file cannot be written.
    """
    document = _parsed(path) if path.exists() else tomlkit.document()
    section = document.setdefault("model", tomlkit.table())
    section.update({"runtime": runtime, "threads": threads})
    rewrite_atomic(path, tomlkit.dumps(document).encode())


def _parsed(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(read_text(path))
    except (OSError, ValueError, TOMLKitError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"cannot read the configuration {path}: {reason}. Expected a TOML file."
        ) from error
