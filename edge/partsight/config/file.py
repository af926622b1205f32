"""``partsight.toml``: read and checked, put in force, and written to.

What it says of models becomes the default of environment variables, so that the command line
beats the environment, the environment beats the file, and child processes see the same.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path

import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import TOMLKitError

from partsight.config.document import Config
from partsight.config.explain import explained
from partsight.config.settings import settings_of
from partsight.errors import ConfigError
from partsight.inference.runtimes import RUNTIME_VARIABLE, THREADS_VARIABLE
from partsight.model.signature import PUBLIC_KEY_VARIABLE
from partsight.utils.files import rewrite_atomic
from partsight.utils.known_secrets import remember_variable
from partsight.utils.redaction import remember_address
from partsight.utils.text_files import read_text

__all__ = ["ENVIRONMENT", "apply_config", "read_config", "save_choice"]

# Keys that an environment variable beats.
ENVIRONMENT: Mapping[str, str] = {
    "model.runtime": RUNTIME_VARIABLE,
    "model.threads": THREADS_VARIABLE,
    "model.public_key": PUBLIC_KEY_VARIABLE,
}


def read_config(path: Path) -> Config:
    """Read and check a configuration; its relative paths start at its folder.

    Raises:
        ConfigError: it cannot be read, is no TOML, or holds an unknown key or value.
    """
    context = {"folder": path.absolute().parent}
    try:
        config = Config.model_validate(_parsed(path).unwrap(), context=context)
    except ValidationError as error:
        # Not "from error": pydantic's own message quotes values, and secrets are among them.
        raise ConfigError(f"{path} is wrong: {explained(error, Config)}") from None
    _remember_secrets(config)
    return config


def _remember_secrets(config: Config) -> None:
    """So that no message quotes a password of an address, and no child process gets a secret."""
    for setting in settings_of(config):
        if isinstance(setting.value, str):
            if setting.name.endswith("_env"):
                remember_variable(setting.value)
            elif "://" in setting.value:
                remember_address(setting.value)


def apply_config(path: Path, environ: MutableMapping[str, str]) -> None:
    """Make what a configuration says the default of environment variables, unset or empty.

    Raises:
        ConfigError: see ``read_config``.
    """
    model = read_config(path).model
    for key, name in ENVIRONMENT.items():
        value = getattr(model, key.rpartition(".")[2])
        if value is not None and not environ.get(name):
            environ[name] = str(value)


def save_choice(path: Path, runtime: str, threads: int) -> None:
    """Write runtime and threads into a configuration; all else in it stays, comments too.

    Raises:
        ConfigError: what is there cannot be read.
        OutputError: it cannot be written.
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
            f"cannot read the configuration {path}: {reason}. Expected a text in TOML."
        ) from error
