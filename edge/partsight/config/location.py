"""Where the configuration is, and which environment variables replace its keys.

Nothing here reads the environment or a file's content: ``deploy.device`` passes the
environment. Separate from ``file``, so that a device without a configuration does not import
pydantic and tomlkit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = [
    "CONFIG_VARIABLE",
    "ENVIRONMENT",
    "PUBLIC_KEY_VARIABLE",
    "RUNTIME_VARIABLE",
    "SYSTEM_CONFIG",
    "THREADS_VARIABLE",
    "default_config",
    "find_config",
]

CONFIG_VARIABLE = "PARTSIGHT_CONFIG"
RUNTIME_VARIABLE = "PARTSIGHT_RUNTIME"
THREADS_VARIABLE = "PARTSIGHT_THREADS"
PUBLIC_KEY_VARIABLE = "PARTSIGHT_PUBLIC_KEY"
SYSTEM_CONFIG = Path("/etc/partsight/partsight.toml")
# Keys of the configuration that an environment variable replaces.
ENVIRONMENT: Mapping[str, str] = {
    "model.runtime": RUNTIME_VARIABLE,
    "model.threads": THREADS_VARIABLE,
    "model.public_key": PUBLIC_KEY_VARIABLE,
}


def default_config(environ: Mapping[str, str]) -> Path:
    """Path of the configuration if the command line names none; the file may be missing."""
    return Path(environ.get(CONFIG_VARIABLE) or SYSTEM_CONFIG)


def find_config(environ: Mapping[str, str]) -> Path | None:
    """Path of the active configuration, or None if none is named and the system has none.

    A named file that is missing, a link to nothing, and a file without permission are returned,
    too: reading them fails. Ignoring them would run models that the device should refuse.
    """
    if environ.get(CONFIG_VARIABLE):
        return default_config(environ)
    try:
        SYSTEM_CONFIG.lstat()
    except FileNotFoundError:
        return None
    except OSError:
        pass  # reading the file reports the reason
    return SYSTEM_CONFIG
